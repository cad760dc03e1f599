//! What `#[service]` implements.

use super::Definition;

/// A service; implemented by [`#[service]`](macro@crate::service).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a service",
    label = "write `#[service(name = \"…\")]` above its `impl` block"
)]
pub trait Service: Sized + Send + Sync + 'static {
    /// Its name in configuration, telemetry, queues and exchanges.
    const NAME: &'static str;

    #[doc(hidden)]
    fn __define(definition: &mut Definition<Self>);
}
