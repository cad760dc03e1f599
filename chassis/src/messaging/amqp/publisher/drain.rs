//! Taking every confirmation that has completed.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::stream::{FuturesUnordered, Stream};
use lapin::Confirmation;

use super::verdict::Verdicts;

/// Takes every confirmation that has completed.
///
/// A set of futures that returns `Pending` may only be making a pause. It then wakes its waker first, and that is how this
/// one tells that there is more.
pub(super) struct Drain {
    flag: Arc<Flag>,
    waker: Waker,
}

#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

impl Default for Drain {
    fn default() -> Self {
        let flag = Arc::new(Flag::default());
        Self { waker: Waker::from(Arc::clone(&flag)), flag }
    }
}

impl Drain {
    /// Notes every confirmation that has completed by now; the error is the first that failed.
    ///
    /// Completeness matters: the confirmation that carries the return of a message completes no later than that message's
    /// own, but may be looked at after it.
    pub(super) fn note<F>(&self, verdicts: &mut Verdicts, confirms: &mut FuturesUnordered<F>) -> Option<lapin::Error>
    where
        F: Future<Output = (u64, lapin::Result<Confirmation>)>,
    {
        let mut failed = None;
        let mut context = Context::from_waker(&self.waker);
        loop {
            self.flag.0.store(false, Ordering::Release);
            match Pin::new(&mut *confirms).poll_next(&mut context) {
                Poll::Ready(Some((number, Ok(confirmation)))) => verdicts.note(number, confirmation),
                Poll::Ready(Some((_, Err(error)))) => {
                    failed.get_or_insert(error);
                }
                Poll::Ready(None) => return failed,
                Poll::Pending if self.flag.0.load(Ordering::Acquire) => {}
                Poll::Pending => return failed,
            }
        }
    }
}
