//! What a problem comes from: for the log, never for the client.

use std::fmt;
use std::sync::Arc;

use http::StatusCode;

use crate::Error;

/// The error behind a problem, if there is one.
#[derive(Clone, Default)]
pub(super) struct Cause(Option<Arc<Error>>);

impl Cause {
    pub(super) fn new(error: Error) -> Self {
        Self(Some(Arc::new(error)))
    }

    /// Says it to the log, once, in the context of the request.
    pub(super) fn log(&mut self, status: StatusCode) {
        let Some(error) = self.0.take() else { return };
        let (status, kind) = (status.as_u16(), error.kind().as_str());
        let error = format_args!("{error:#}");
        if status >= 500 {
            tracing::error!(status, kind, error, "a handler failed");
        } else {
            tracing::debug!(status, kind, error, "a handler refused");
        }
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Problems are alike when clients are told the same.
impl PartialEq for Cause {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
