/// What a finished call says about the health of what was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It works.
    Success,
    /// It does not.
    Failure,
    /// Nothing, neither way: a request that the caller got wrong, for instance.
    Ignored,
}

/// Tells what a result says about the health of what was called.
///
/// A server's failure arrives as `Ok(response)`, which is why results as such are not enough. Any
/// `Fn(Result<&Response, &Error>) -> Outcome` that can be cloned is one.
///
/// ```
/// use chassis::resilience::{Classify, Outcome};
/// use http::{Response, StatusCode};
///
/// fn by_status<B, E>(result: Result<&Response<B>, &E>) -> Outcome {
///     match result {
///         Ok(response) if response.status().is_server_error() => Outcome::Failure,
///         Ok(_) => Outcome::Success,
///         Err(_) => Outcome::Failure,
///     }
/// }
///
/// let mut response = Response::new(());
/// *response.status_mut() = StatusCode::BAD_GATEWAY;
/// assert_eq!(by_status::<_, ()>.classify(Ok(&response)), Outcome::Failure);
/// ```
pub trait Classify<Response, Error> {
    /// Looks at one result.
    fn classify(&self, result: Result<&Response, &Error>) -> Outcome;
}

impl<Response, Error, F> Classify<Response, Error> for F
where
    F: Fn(Result<&Response, &Error>) -> Outcome,
{
    fn classify(&self, result: Result<&Response, &Error>) -> Outcome {
        self(result)
    }
}

/// Every error is a failure, and every response a success.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ErrorsFail;

impl<Response, Error> Classify<Response, Error> for ErrorsFail {
    fn classify(&self, result: Result<&Response, &Error>) -> Outcome {
        if result.is_ok() { Outcome::Success } else { Outcome::Failure }
    }
}
