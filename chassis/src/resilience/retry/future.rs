use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tokio::time::{Duration, Instant, Sleep, sleep};
use tower::Service;

use super::budget::Budget;
use super::policy::RetryPolicy;
use super::rule::{GivenUp, RetryRule, Verdict};
use super::state::Failed;

pin_project! {
    /// The answer of a [`RetryService`](super::RetryService), from one of its attempts.
    pub struct ResponseFuture<S, R, Request>
    where
        S: Service<Request>,
    {
        #[pin]
        step: Step<S::Future>,
        service: S,
        replay: Option<Request>,
        attempts: u32,
        deadline: Option<Instant>,
        policy: Arc<RetryPolicy>,
        budget: Budget,
        rule: R,
    }
}

pin_project! {
    #[project = Projected]
    enum Step<F> {
        Calling { #[pin] call: F },
        Pausing { #[pin] pause: Sleep },
        Readying,
    }
}

impl<S: Service<Request>, R, Request> ResponseFuture<S, R, Request> {
    pub(super) fn new(
        first: S::Future,
        service: S,
        replay: Option<Request>,
        deadline: Option<Instant>,
        policy: Arc<RetryPolicy>,
        budget: Budget,
        rule: R,
    ) -> Self {
        let step = Step::Calling { call: first };
        Self { step, service, replay, attempts: 1, deadline, policy, budget, rule }
    }
}

impl RetryPolicy {
    /// For how long to wait now, after so many attempts, before another one. `after` is when the other side wants to be called
    /// again at the earliest.
    ///
    /// # Errors
    /// Why there is to be none.
    pub(crate) fn pause(
        &self,
        attempts: u32,
        after: Option<Duration>,
        deadline: Option<Instant>,
        budget: &Budget,
    ) -> Result<Duration, GivenUp> {
        let failed = Failed {
            attempts,
            retry_after: after,
            now: Instant::now().into_std(),
            deadline: deadline.map(Instant::into_std),
            random: fastrand::f64(),
        };
        self.next(failed, budget.state())
    }
}

impl<S, R, Request> Future for ResponseFuture<S, R, Request>
where
    S: Service<Request>,
    R: RetryRule<Request, S::Response, S::Error>,
{
    type Output = Result<S::Response, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            match this.step.as_mut().project() {
                Projected::Calling { call } => {
                    let result = ready!(call.poll(cx));
                    let Some(request) = &this.replay else { return Poll::Ready(result) };
                    let Verdict::Retry { after } = this.rule.verdict(request, result.as_ref()) else {
                        return Poll::Ready(result);
                    };
                    match this.policy.pause(*this.attempts, after, *this.deadline, this.budget) {
                        Ok(pause) => {
                            this.rule.retrying(pause);
                            this.step.set(Step::Pausing { pause: sleep(pause) });
                        }
                        Err(why) => {
                            this.rule.given_up(why);
                            return Poll::Ready(result);
                        }
                    }
                }
                Projected::Pausing { pause } => {
                    ready!(pause.poll(cx));
                    this.step.set(Step::Readying);
                }
                Projected::Readying => {
                    ready!(this.service.poll_ready(cx))?;
                    let Some(request) = this.replay.take() else {
                        unreachable!("a pause begins only with something to send after it")
                    };
                    *this.attempts += 1;
                    // The last attempt needs a copy too: by it the end is told apart from what may not be repeated.
                    *this.replay = this.rule.replay(&request);
                    let call = this.service.call(request);
                    this.step.set(Step::Calling { call });
                }
            }
        }
    }
}
