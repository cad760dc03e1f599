//! What a service publishes.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Something that happened, as other services may hear of it. Written by `#[event]`.
///
/// Within a major version changes are additive; an incompatible change is a new version and thereby a new
/// [`KIND`](Self::KIND), which old consumers do not see.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event",
    label = "not an event: declare it with `#[event(name = \"order.placed\", version = 1)]`"
)]
pub trait Event: Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// Such as `order.placed`.
    const NAME: &'static str;
    /// The major version.
    const VERSION: u32;
    /// The service that publishes it, to the exchange [`names::events_exchange`](super::names::events_exchange).
    const OWNER: &'static str;
    /// Name and version, such as `order.placed.v1`: the message's type and routing key.
    const KIND: &'static str;
    /// How long it is worth handling; consumers drop it after that. `None`, the default, is for ever.
    const EXPIRES_AFTER: Option<Duration> = None;

    /// What messages must have in common to keep their order, such as the id of the order.
    fn key(&self) -> Option<String> {
        None
    }
}
