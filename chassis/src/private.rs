//! What generated code stands on. Nothing here is meant for people, and nothing else is named by the macros.

pub use std::sync::Arc;

pub use axum::extract::Request;
pub use axum::response::Response;
pub use http::{Method, StatusCode};
pub use schemars;
pub use serde;
pub use serde_json::Value as Json;
pub use tokio::time::Duration;

pub use crate::app::{ContractEntry, Definition, Locals, Needs, Part, Parts, Service};
pub use crate::config::{Faults, Settings, duration};
pub use crate::contract::generated::{
    Call, Describe, Form, Incoming, Output, Plain, Script, Whole, error_data, form, lower, lower_any, output, plain,
    raise, same_error, whole,
};
pub use crate::contract::{
    ApiError, CallOptions, ContractSpec, Core, ErrorData, ErrorLabel, ErrorSpec, Fault, IntoError, Operation,
};
pub use crate::health::Health;
pub use crate::http::{Guards, Limit, Rate, RouteSpec, Routes};
#[cfg(feature = "messaging")]
pub use crate::messaging::Event;
#[cfg(feature = "messaging")]
pub use crate::messaging::consumer::{Mode, Shape, SubscriptionSpec, Tx};
#[cfg(feature = "messaging")]
pub use crate::messaging::{Delivery, Received};
pub use crate::resilience::adaptive::Priority;
pub use crate::{BoxFuture, Error, Result};

use crate::health::CheckOutcome;
use crate::http::{ArgLast, ArgParts, Reply};

/// A handler's future. The bound is what says, at the handler's name, that it must be `Send`.
pub fn boxed<'a, T>(future: impl Future<Output = T> + Send + 'a) -> BoxFuture<'a, T> {
    Box::pin(future)
}

/// The future of a job or subscriber, whose error may be of any kind.
pub fn boxed_work<'a, E: Into<Error>>(
    future: impl Future<Output = Result<(), E>> + Send + 'a,
) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move { future.await.map_err(Into::into) })
}

/// A type that is described if it has a schema: by [`WithSchema`] then, which comes first among methods of a reference to a
/// reference, and by [`WithoutSchema`] otherwise.
pub struct Described<T>(std::marker::PhantomData<T>);

impl<T> Described<T> {
    /// Of any type.
    #[allow(clippy::new_without_default, reason = "only generated code makes one")]
    pub const fn new() -> Self {
        Self(std::marker::PhantomData)
    }
}

/// See [`Described`].
pub trait WithSchema {
    /// The type's schema.
    fn schema(&self, generator: &mut schemars::SchemaGenerator) -> Option<schemars::Schema>;
}

impl<T: schemars::JsonSchema> WithSchema for &Described<T> {
    fn schema(&self, generator: &mut schemars::SchemaGenerator) -> Option<schemars::Schema> {
        Some(generator.subschema_for::<T>())
    }
}

/// See [`Described`].
pub trait WithoutSchema {
    /// Nothing.
    fn schema(&self, _: &mut schemars::SchemaGenerator) -> Option<schemars::Schema> {
        None
    }
}

impl<T> WithoutSchema for Described<T> {}

/// Takes an argument from a request's head.
///
/// # Errors
/// The response to a request that does not have it.
pub async fn arg_parts<T: ArgParts>(parts: &mut http::request::Parts) -> Result<T, Response> {
    T::from_parts(parts).await
}

/// Takes the last argument from a request.
///
/// # Errors
/// The response to a request that does not have it.
pub async fn arg_last<T: ArgLast<M>, M>(request: Request) -> Result<T, Response> {
    T::from_whole(request).await
}

/// Turns what a handler returned into a response.
pub fn reply<T: Reply>(value: T) -> Response {
    value.reply()
}

/// Turns what a check returned into health.
pub fn health<T: CheckOutcome>(outcome: T) -> Health {
    outcome.into_health()
}

/// Requires a part.
pub fn part<T: Part>() {}

/// Requires that databases are compiled in.
pub fn database<T: crate::data::DatabaseFeature>() {}

/// The kind and owner of an event.
#[cfg(feature = "messaging")]
pub fn event<E: crate::messaging::Event>() -> (&'static str, &'static str) {
    (E::KIND, E::OWNER)
}

/// The kind and owner of an older version of an event, which can be turned into the newer.
#[cfg(feature = "messaging")]
pub const fn older<Old: crate::messaging::Event + Into<New>, New>() -> (&'static str, &'static str) {
    (Old::KIND, Old::OWNER)
}

/// The event of a message that is of an older version; `None` if it is not.
#[cfg(feature = "messaging")]
pub fn upcast<Old, New>(received: &Received) -> Option<Result<Delivery<New>>>
where
    Old: crate::messaging::Event + Into<New>,
{
    (received.kind() == Old::KIND).then(|| Ok(received.decode::<Old>()?.map(Into::into)))
}

/// The events of a batch.
///
/// # Errors
/// One of them cannot be decoded, which shows when they are tried one by one.
#[cfg(feature = "messaging")]
pub fn decode_all<E>(
    batch: &[Received],
    decode: impl Fn(&Received) -> Result<Delivery<E>>,
) -> Result<Vec<Delivery<E>>> {
    batch.iter().map(decode).collect()
}

/// The transaction that a subscription in one has.
///
/// # Errors
/// There is none, which the consumer rules out before it starts.
#[cfg(feature = "messaging")]
pub fn transaction(tx: Option<&mut Tx>) -> Result<&mut Tx> {
    tx.ok_or_else(|| Error::msg("the subscription has no transaction"))
}

/// The ordering key that a field is, as its text.
pub fn key_text<T: serde::Serialize>(value: &T) -> Option<String> {
    match crate::contract::generated::write(value) {
        Ok(text) => text,
        // What has no plain form orders by its JSON.
        Err(_) => serde_json::to_string(value).ok(),
    }
}

/// Reads the settings that a service is made with.
pub fn provide_settings<S: Settings>(parts: &Parts) -> BoxFuture<'_, Result<S>> {
    Box::pin(async move { Ok(parts.config().read::<S>()?) })
}

/// Says that a service reads these settings.
pub fn need_settings<S: Settings>(needs: &mut Needs) {
    needs.sections.push(crate::config::KnownSection::of::<S>());
}

/// Finds what a contract's client calls: a service of this process, or else the one that `[clients.NAME]` has the address of.
pub fn provide_client<'a, D: ?Sized + Send + Sync + 'static>(
    parts: &'a Parts,
    name: &'static str,
) -> BoxFuture<'a, Result<Core<D>>> {
    Box::pin(async move {
        let settings: crate::client::ClientSettings = parts.config().read_at(&format!("clients.{name}"))?;
        match parts.local::<D>() {
            // An address in the configuration is how a part of the system is taken out of the process.
            Some(slot) if settings.url.is_none() => Ok(Core::local(slot, settings.timeouts())),
            _ => shared(parts, name, &settings),
        }
    })
}

#[cfg(feature = "client")]
fn shared<D: ?Sized>(parts: &Parts, name: &str, settings: &crate::client::ClientSettings) -> Result<Core<D>> {
    Ok(Core::remote(parts.clients().get_or_make(parts.service(), name, settings, parts.config())?))
}

#[cfg(not(feature = "client"))]
fn shared<D: ?Sized>(_: &Parts, name: &str, settings: &crate::client::ClientSettings) -> Result<Core<D>> {
    remote(name, settings)
}

#[cfg(feature = "client")]
fn remote<D: ?Sized>(name: &str, settings: &crate::client::ClientSettings) -> Result<Core<D>> {
    Ok(Core::remote(crate::client::Remote::new(name, settings)?))
}

#[cfg(not(feature = "client"))]
fn remote<D: ?Sized>(name: &str, _: &crate::client::ClientSettings) -> Result<Core<D>> {
    let message = format!("`{name}` does not run in this process, and chassis was built without the feature `client`");
    Err(Error::new(crate::ErrorKind::Config, message))
}

/// Says that a service reads the settings of a client.
pub fn need_client(needs: &mut Needs, name: &'static str) {
    let section = crate::config::KnownSection::at::<crate::client::ClientSettings>(format!("clients.{name}"));
    needs.sections.push(section);
}

/// A client's core for an address, with the library's own settings.
///
/// # Errors
/// When it is no address that can be called.
pub fn connect<D: ?Sized>(name: &str, url: &str) -> Result<Core<D>> {
    let settings = crate::client::ClientSettings { url: Some(url.to_owned()), ..Default::default() };
    remote(name, &settings)
}

/// A contract as data.
pub fn contract_spec(
    name: &'static str,
    version: u32,
    description: &'static str,
    operations: Vec<crate::contract::OperationSpec>,
) -> ContractSpec {
    ContractSpec { name, version, description, operations }
}
