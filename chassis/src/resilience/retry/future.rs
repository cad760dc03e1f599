use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep};
use tower::Service;

use super::budget::Budget;
use super::policy::RetryPolicy;
use super::rule::{RetryRule, Verdict};
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
                    let failed = Failed {
                        attempts: *this.attempts,
                        retry_after: after,
                        now: Instant::now().into_std(),
                        deadline: this.deadline.map(Instant::into_std),
                        random: fastrand::f64(),
                    };
                    match this.policy.next(failed, this.budget.state()) {
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
