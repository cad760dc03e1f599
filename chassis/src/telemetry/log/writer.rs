//! Takes lines without blocking, and writes them from a thread of its own.

use std::io::Write;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::telemetry::metrics::{self, Counter};

/// How much may wait to be written; lines beyond that are dropped and counted.
const LIMIT: usize = 4 * 1024 * 1024;
/// This much is written without waiting for more.
const EAGER: usize = 64 * 1024;
/// Lines that come within this time are written at once, which under load saves most of the system calls.
const LINGER: Duration = Duration::from_millis(2);
/// A buffer that has grown beyond this after a burst is given back.
const KEEP: usize = 256 * 1024;
/// How long a flush waits for a reader that has stopped reading.
const FLUSH: Duration = Duration::from_secs(2);

pub(super) struct Writer {
    state: Mutex<State>,
    wake: Condvar,
    written: Condvar,
    dropped: Counter,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    urgent: bool,
    /// In bytes, since the beginning.
    taken_in: u64,
    given_out: u64,
}

impl Writer {
    /// Starts the thread, which lives as long as the process.
    pub(super) fn start(sink: impl Write + Send + 'static) -> std::io::Result<Arc<Self>> {
        let dropped = metrics::counter(("chassis.log.dropped", "{line}"), "Log lines that could not be written.", &[]);
        let writer = Arc::new(Self { state: Mutex::default(), wake: Condvar::new(), written: Condvar::new(), dropped });
        let thread = Arc::clone(&writer);
        std::thread::Builder::new().name("log".to_owned()).spawn(move || thread.run(sink))?;
        Ok(writer)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands a line over. An urgent one is not held back to be written together with others.
    pub(super) fn push(&self, line: &[u8], urgent: bool) {
        let mut state = self.lock();
        let before = state.waiting.len();
        if before + line.len() > LIMIT {
            drop(state);
            self.dropped.inc();
            return;
        }
        state.waiting.extend_from_slice(line);
        state.taken_in += line.len() as u64;
        let urgent_now = urgent && !state.urgent;
        state.urgent |= urgent;
        let wake = before == 0 || urgent_now || (before < EAGER && state.waiting.len() >= EAGER);
        drop(state);
        if wake {
            self.wake.notify_one();
        }
    }

    /// Waits until everything pushed so far is written.
    pub(super) fn flush(&self) {
        let mut state = self.lock();
        let until = state.taken_in;
        state.urgent = true;
        self.wake.notify_one();
        drop(self.written.wait_timeout_while(state, FLUSH, |state| state.given_out < until));
    }

    fn run(&self, mut sink: impl Write) {
        let mut lines = Vec::new();
        loop {
            let state = self.wake.wait_while(self.lock(), |state| state.waiting.is_empty());
            let state = state.unwrap_or_else(PoisonError::into_inner);
            let more = |state: &mut State| !state.urgent && state.waiting.len() < EAGER;
            let state = self.wake.wait_timeout_while(state, LINGER, more);
            let (mut state, _) = state.unwrap_or_else(PoisonError::into_inner);
            std::mem::swap(&mut lines, &mut state.waiting);
            state.urgent = false;
            drop(state);

            // There is nowhere left to report a log that cannot be written.
            let _ = sink.write_all(&lines).and_then(|()| sink.flush());

            self.lock().given_out += lines.len() as u64;
            self.written.notify_all();
            lines.clear();
            lines.shrink_to(KEEP);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{self, Receiver, Sender};

    use super::*;

    /// Says when a write begins, and lets it go on when told.
    struct Gate {
        begun: Sender<usize>,
        go_on: Receiver<()>,
    }

    impl Write for Gate {
        fn write(&mut self, lines: &[u8]) -> std::io::Result<usize> {
            let _ = self.begun.send(lines.len());
            let _ = self.go_on.recv();
            Ok(lines.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn whoever_logs_never_waits_and_drops_are_counted() {
        let (begun, begins) = mpsc::channel();
        let (go, go_on) = mpsc::channel();
        let writer = Writer::start(Gate { begun, go_on }).expect("a thread");
        let before = writer.dropped.get();
        writer.push(b"first\n", true);
        assert_eq!(begins.recv(), Ok(6));
        // The sink is stuck now. As much as the limit fits, and no more.
        let line = vec![b'x'; LIMIT / 4];
        (0..5).for_each(|_| writer.push(&line, false));
        assert_eq!(writer.dropped.get() - before, 1);
        (0..2).for_each(|_| go.send(()).expect("the sink is there"));
        assert_eq!(begins.recv(), Ok(LIMIT));
        writer.flush();
        let state = writer.lock();
        assert_eq!(state.given_out, state.taken_in);
    }
}
