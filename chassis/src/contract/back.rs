//! What a client has behind it, and what can be said about one call.

use std::sync::Arc;

use tokio::time::Duration;

use super::operation::Operation;
use super::slot::Slot;
#[cfg(feature = "client")]
use crate::client::Remote;
use crate::client::Timeouts;

/// What can be said about one call, or all calls of a client.
///
/// ```
/// use chassis::contract::CallOptions;
/// use std::time::Duration;
///
/// let options = CallOptions::new().timeout(Duration::from_millis(300)).idempotency_key("order-7");
/// # let _ = options;
/// ```
#[derive(Debug, Clone, Default)]
pub struct CallOptions {
    pub(super) timeout: Option<Duration>,
    pub(super) attempt_timeout: Option<Duration>,
    pub(super) idempotency_key: Option<Arc<str>>,
}

impl CallOptions {
    /// The client's own.
    pub fn new() -> Self {
        Self::default()
    }

    /// How long the call may take in all. The deadline of the work that makes it shortens this further.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// How long one attempt may take.
    #[must_use]
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = Some(timeout);
        self
    }

    /// Under which key the other side remembers the call, where its operation is `idempotent`. Without one each call has a
    /// key of its own, which makes its attempts repeatable; give one to make calls repeatable.
    #[must_use]
    pub fn idempotency_key(mut self, key: impl Into<Arc<str>>) -> Self {
        self.idempotency_key = Some(key.into());
        self
    }
}

/// What a contract's client is made of. `D` is the contract's object form.
#[doc(hidden)]
pub struct Core<D: ?Sized> {
    pub(super) back: Back<D>,
    pub(super) timeouts: Timeouts,
    pub(super) options: CallOptions,
}

pub(super) enum Back<D: ?Sized> {
    #[cfg(feature = "client")]
    Remote(Remote),
    Local(Slot<D>),
    Double(Arc<D>),
}

impl<D: ?Sized> Clone for Core<D> {
    fn clone(&self) -> Self {
        let back = match &self.back {
            #[cfg(feature = "client")]
            Back::Remote(remote) => Back::Remote(remote.clone()),
            Back::Local(slot) => Back::Local(slot.clone()),
            Back::Double(double) => Back::Double(Arc::clone(double)),
        };
        Self { back, timeouts: self.timeouts, options: self.options.clone() }
    }
}

impl<D: ?Sized> Core<D> {
    /// Calls another process.
    #[cfg(feature = "client")]
    pub fn remote(remote: Remote) -> Self {
        Self { timeouts: remote.timeouts(), back: Back::Remote(remote), options: CallOptions::new() }
    }

    /// Calls a service of this process.
    pub fn local(slot: Slot<D>, timeouts: Timeouts) -> Self {
        Self { back: Back::Local(slot), timeouts, options: CallOptions::new() }
    }

    /// Calls what a test has scripted.
    pub fn double(double: Arc<D>) -> Self {
        Self { back: Back::Double(double), timeouts: Timeouts::default(), options: CallOptions::new() }
    }

    /// The same with other options.
    #[must_use]
    pub fn with(&self, options: CallOptions) -> Self {
        Self { options, ..self.clone() }
    }

    /// Whether calls go to another process.
    pub fn is_remote(&self) -> bool {
        #[cfg(feature = "client")]
        return matches!(self.back, Back::Remote(_));
        #[cfg(not(feature = "client"))]
        false
    }

    /// The limits of one call: what was said for it, else what the operation says of itself where that is more, else
    /// what the client has. Of a call that streams the attempt's is how long nothing may move, of which an operation says
    /// nothing.
    pub(super) fn limits(&self, operation: &Operation, streams: bool) -> Timeouts {
        let declared = operation.timeout.unwrap_or_default();
        let of_attempt = if streams { Duration::ZERO } else { declared };
        Timeouts {
            total: self.options.timeout.unwrap_or_else(|| self.timeouts.total.max(declared)),
            attempt: self.options.attempt_timeout.unwrap_or_else(|| self.timeouts.attempt.max(of_attempt)),
        }
    }
}
