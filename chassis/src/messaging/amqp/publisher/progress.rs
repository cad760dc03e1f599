//! How far a message has come, for the one who waits: when its time is over, that decides what may be said of it.

use crate::sync::atomic::{AtomicU8, Ordering};

/// How far a message has come. Of the one who sends it and the one who gives it up one is first, and the other follows him: a message of
/// which it was said that it was never sent is not sent afterwards.
#[derive(Default)]
pub(super) struct Progress(AtomicU8);

/// How far a message has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// It was never sent.
    Waiting,
    /// It was sent, and its confirmation is due.
    Sent,
    /// It was sent over a connection that is gone, and not yet again.
    Lost,
}

const WAITING: u8 = 0;
const SENT: u8 = 1;
const LOST: u8 = 2;
const GIVEN_UP: u8 = 3;

impl Progress {
    /// It goes to the wire now, unless it was given up before it ever did.
    #[must_use]
    pub(super) fn send(&self) -> bool {
        match self.0.compare_exchange(WAITING, SENT, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => true,
            Err(GIVEN_UP) => false,
            Err(_) => {
                self.0.store(SENT, Ordering::Release);
                true
            }
        }
    }

    /// The connection over which it went is gone.
    pub(super) fn lose(&self) {
        self.0.store(LOST, Ordering::Release);
    }

    /// Nobody waits any more. If it was never sent, it never will be.
    pub(super) fn give_up(&self) -> Stage {
        match self.0.compare_exchange(WAITING, GIVEN_UP, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) | Err(GIVEN_UP) => Stage::Waiting,
            Err(SENT) => Stage::Sent,
            Err(_) => Stage::Lost,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_up_before_it_was_sent_is_not_sent() {
        let progress = Progress::default();
        assert_eq!(progress.give_up(), Stage::Waiting);
        assert!(!progress.send());
    }

    #[test]
    fn what_was_lost_is_sent_again_and_may_have_been_stored() {
        let progress = Progress::default();
        assert!(progress.send());
        progress.lose();
        assert_eq!(progress.give_up(), Stage::Lost);
        assert!(progress.send());
        assert_eq!(progress.give_up(), Stage::Sent);
    }
}
