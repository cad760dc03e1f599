//! What a process holds of the system.

use std::fmt;
use std::fs;

use harness::eventually_within;
use tokio::time::Duration;

/// How long it may take until threads and sockets that are done with are gone.
const SETTLE: Duration = Duration::from_secs(60);

/// What a process holds of the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Footprint {
    /// Threads, but for those of the database's connections, of which a pool has more or fewer.
    pub threads: usize,
    /// Sockets, pipes and the like: every descriptor that is not of a file.
    pub descriptors: usize,
    /// Memory in use, in KiB.
    pub memory: u64,
}

impl Footprint {
    /// What the process holds now.
    pub fn of(process: u32) -> Self {
        let folder = |name: &str| fs::read_dir(format!("/proc/{process}/{name}")).into_iter().flatten().flatten();
        let name = |thread: &fs::DirEntry| fs::read_to_string(thread.path().join("comm")).unwrap_or_default();
        let is_file = |entry: &fs::DirEntry| fs::read_link(entry.path()).is_ok_and(|target| target.is_absolute());
        Self {
            threads: folder("task").filter(|thread| !name(thread).starts_with("sqlx")).count(),
            descriptors: folder("fd").filter(|entry| !is_file(entry)).count(),
            memory: memory(process).unwrap_or_default(),
        }
    }

    /// Waits until the process holds no more threads and descriptors than this, or gives what it holds after a minute.
    pub(super) async fn settled(self, process: u32) -> Self {
        let settled = || Self::of(process);
        let fits = |now: Self| now.threads <= self.threads && now.descriptors <= self.descriptors;
        let waiting = eventually_within(SETTLE * 2, "a footprint", async || Some(settled()).filter(|now| fits(*now)));
        tokio::time::timeout(SETTLE, waiting).await.unwrap_or_else(|_| settled())
    }
}

fn memory(process: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.trim().trim_end_matches(" kB").parse().ok()
}

impl fmt::Display for Footprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { threads, descriptors, memory } = self;
        write!(f, "{threads} threads, {descriptors} descriptors, {:.1} MiB", *memory as f64 / 1024.0)
    }
}
