//! What becomes of a message, between the one who waits for it and the one who sends it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::request::Answer;

/// What becomes of a message. Of the one who sends it and the one who gives it up one is first, and the other follows him: a
/// message of which it was said that it was never sent is not sent afterwards.
#[derive(Default)]
pub(super) struct Fate(Mutex<State>);

#[derive(Default)]
struct State {
    stage: Stage,
    given_up: bool,
    late: bool,
    verdict: Verdict,
    waker: Option<Waker>,
}

/// How far a message has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Stage {
    /// It was never sent.
    #[default]
    Waiting,
    /// It was sent, and its confirmation is due.
    Sent,
    /// It was sent over a connection that is gone, and not yet again.
    Lost,
}

#[derive(Default)]
enum Verdict {
    #[default]
    Due,
    Given(Answer),
    /// Whoever could give it is gone.
    Never,
}

/// Why there is no verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unanswered {
    /// The time is over in which it is waited for.
    Late,
    /// Nobody is left who could give it.
    Forsaken,
}

impl Fate {
    /// It goes to the wire now, unless nobody waits for it any more.
    #[must_use]
    pub(super) fn send(&self) -> bool {
        let mut state = self.lock();
        if !state.given_up {
            state.stage = Stage::Sent;
        }
        !state.given_up
    }

    /// The connection over which it went is gone.
    pub(super) fn lose(&self) {
        self.lock().stage = Stage::Lost;
    }

    /// Nobody waits any more: if it was never sent, it never will be.
    pub(super) fn give_up(&self) -> Stage {
        let mut state = self.lock();
        state.given_up = true;
        state.stage
    }

    /// How far it came.
    pub(super) fn stage(&self) -> Stage {
        self.lock().stage
    }

    /// Whether nobody waits any more.
    pub(super) fn is_given_up(&self) -> bool {
        self.lock().given_up
    }

    /// Gives the verdict.
    pub(super) fn pronounce(&self, answer: Answer) {
        self.conclude(Verdict::Given(answer));
    }

    /// There will be no verdict, unless one was given.
    pub(super) fn forsake(&self) {
        self.conclude(Verdict::Never);
    }

    /// The time is over in which a verdict is waited for. One that is there counts nevertheless.
    pub(super) fn be_late(&self) {
        let mut state = self.lock();
        state.late = true;
        wake(state);
    }

    /// Waits for the verdict, which can be taken once.
    pub(super) fn poll(&self, context: &mut Context<'_>) -> Poll<Result<Answer, Unanswered>> {
        let mut state = self.lock();
        match std::mem::replace(&mut state.verdict, Verdict::Never) {
            Verdict::Given(answer) => Poll::Ready(Ok(answer)),
            Verdict::Never => Poll::Ready(Err(Unanswered::Forsaken)),
            Verdict::Due if state.late => {
                state.verdict = Verdict::Due;
                Poll::Ready(Err(Unanswered::Late))
            }
            Verdict::Due => {
                state.verdict = Verdict::Due;
                match &mut state.waker {
                    Some(waker) => waker.clone_from(context.waker()),
                    none => *none = Some(context.waker().clone()),
                }
                Poll::Pending
            }
        }
    }

    /// The first conclusion counts.
    fn conclude(&self, verdict: Verdict) {
        let mut state = self.lock();
        if !matches!(state.verdict, Verdict::Due) {
            return;
        }
        state.verdict = verdict;
        wake(state);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whoever is woken may look at once, so that the lock is given back first.
fn wake(mut state: MutexGuard<'_, State>) {
    let waker = state.waker.take();
    drop(state);
    waker.into_iter().for_each(Waker::wake);
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use std::future::poll_fn;

    use super::*;
    use crate::messaging::driver::PublishError;

    #[test]
    fn what_was_given_up_before_it_was_sent_is_not_sent() {
        let fate = Fate::default();
        assert_eq!(fate.give_up(), Stage::Waiting);
        assert!(!fate.send());
        assert_eq!(fate.give_up(), Stage::Waiting);
    }

    #[test]
    fn what_was_lost_may_have_been_stored() {
        let fate = Fate::default();
        assert!(fate.send());
        fate.lose();
        assert_eq!(fate.give_up(), Stage::Lost);
    }

    #[tokio::test]
    async fn who_waits_is_woken_by_the_verdict_and_the_first_counts() {
        let fate = std::sync::Arc::new(Fate::default());
        let waiting = tokio::spawn({
            let fate = fate.clone();
            async move { poll_fn(|context| fate.poll(context)).await }
        });
        tokio::task::yield_now().await;
        fate.pronounce(Err(PublishError::Nacked));
        fate.forsake();
        assert!(matches!(waiting.await, Ok(Ok(Err(PublishError::Nacked)))));
    }

    #[test]
    fn a_verdict_that_is_there_counts_though_it_is_late() {
        let fate = Fate::default();
        fate.be_late();
        assert!(matches!(poll_fn(|context| fate.poll(context)).now_or_never(), Some(Err(Unanswered::Late))));
        fate.pronounce(Ok(()));
        assert!(matches!(poll_fn(|context| fate.poll(context)).now_or_never(), Some(Ok(Ok(())))));
    }

    #[test]
    fn without_anybody_to_give_a_verdict_nobody_waits() {
        let fate = Fate::default();
        let mut waiting = poll_fn(|context| fate.poll(context));
        assert!((&mut waiting).now_or_never().is_none());
        fate.forsake();
        assert!(matches!(waiting.now_or_never(), Some(Err(Unanswered::Forsaken))));
    }
}
