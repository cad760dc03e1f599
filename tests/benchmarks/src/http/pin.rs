//! Which work runs on which core.

use rustix::thread::{CpuSet, sched_setaffinity};

/// The core of the server.
pub const SERVER: usize = 0;
/// The core of the load and the collector.
pub const LOAD: usize = 1;

/// An error on a machine with one core, on which a load would take the server's time.
pub fn need_two_cores() -> Result<(), String> {
    match std::thread::available_parallelism() {
        Ok(cores) if cores.get() >= 2 => Ok(()),
        _ => Err("two cores are needed: one for the server, one for the load".to_owned()),
    }
}

/// Binds the calling thread to a core, and with it every process that it starts.
pub fn this_thread(core: usize) -> Result<(), String> {
    let mut set = CpuSet::new();
    set.set(core);
    sched_setaffinity(None, &set).map_err(|error| format!("cannot run on core {core}: {error}"))
}
