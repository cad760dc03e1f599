use std::time::Duration;

use tokio::time::Instant;

/// What a result means for the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is the call's result.
    Final,
    /// Another attempt may do better.
    Retry {
        /// When the other side wants to be called again at the earliest.
        after: Option<Duration>,
    },
}

/// Why a call that could have been tried again was not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GivenUp {
    /// All attempts were made.
    Attempts,
    /// The next attempt would begin after the deadline.
    Deadline,
    /// The other side wants to be left alone for longer than is waited.
    RetryAfter,
    /// The budget is used up.
    Budget,
}

impl GivenUp {
    /// Its name in metrics: lower case, words joined by `_`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Attempts => "attempts",
            Self::Deadline => "deadline",
            Self::RetryAfter => "retry_after",
            Self::Budget => "budget",
        }
    }
}

/// Says which calls may be tried again, and after which results.
pub trait RetryRule<Request, Response, Error> {
    /// A copy that can be sent later, if the request may be sent more than once and can be copied: not for one whose body is a
    /// stream, nor, unless [`verdict`](Self::verdict) looks at what became of it, for one that changes something each time.
    fn replay(&self, request: &Request) -> Option<Request>;

    /// Looks at the result of an attempt at this request.
    fn verdict(&self, request: &Request, result: Result<&Response, &Error>) -> Verdict;

    /// When the answer is no longer wanted.
    fn deadline(&self, request: &Request) -> Option<Instant> {
        let _ = request;
        None
    }

    /// Is told of an attempt that is about to be made after a pause.
    fn retrying(&self, pause: Duration) {
        let _ = pause;
    }

    /// Is told that no further attempt is made.
    fn given_up(&self, why: GivenUp) {
        let _ = why;
    }
}

/// Every request that can be cloned may be sent again, and every error is a reason to. For calls that only read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EveryError;

impl<Request: Clone, Response, Error> RetryRule<Request, Response, Error> for EveryError {
    fn replay(&self, request: &Request) -> Option<Request> {
        Some(request.clone())
    }

    fn verdict(&self, _: &Request, result: Result<&Response, &Error>) -> Verdict {
        if result.is_ok() { Verdict::Final } else { Verdict::Retry { after: None } }
    }
}
