//! What can be done with a type, as a table of functions.
//!
//! Generated code makes one table for each argument and each answer and hands it on. Everything else is free of bounds, so
//! that a type which cannot travel is reported once, where the user named it, and not at every use.

use std::any::Any;
use std::borrow::Cow;

use http::Response;
use schemars::{Schema, SchemaGenerator};
use serde::de::value::Error as TextError;

use super::answer::{Answer, ContractInput, ContractOutput, MapStream};
use super::error::{ApiError, ErrorSpec};
use super::incoming::{self, Incoming};
use super::operation::Operation;
use super::{call, text};
use crate::http::FieldFault;
use crate::http::json::{BodyFault, from_json};
use crate::http::stream::Payload;
use crate::{Error, Result};

/// An argument in the path or in a header.
pub struct Plain<T> {
    pub(super) write: fn(&T) -> Result<Option<Cow<'_, str>>, &'static str>,
    pub(super) read: fn(Option<&str>) -> Result<T, TextError>,
    pub(super) schema: fn(&mut SchemaGenerator) -> Schema,
}

/// The table of the type.
pub const fn plain<T: ContractInput>() -> Plain<T> {
    Plain { write: to_text::<T>, read: text::read::<T>, schema: subschema::<T> }
}

/// An argument that is the query.
pub struct Form<T> {
    pub(super) write: fn(&T) -> Result<String, serde_html_form::ser::Error>,
    pub(super) read: fn(&str) -> Result<T, FieldFault>,
    pub(super) schema: fn(&mut SchemaGenerator) -> Schema,
}

/// The table of the type.
pub const fn form<T: ContractInput>() -> Form<T> {
    Form { write: to_query::<T>, read: incoming::from_query::<T>, schema: T::json_schema }
}

/// An argument that is the body.
pub struct Whole<T> {
    pub(super) write: fn(&T) -> serde_json::Result<Vec<u8>>,
    pub(super) read: fn(&[u8]) -> Result<T, BodyFault>,
    pub(super) schema: fn(&mut SchemaGenerator) -> Schema,
}

/// The table of the type.
pub const fn whole<T: ContractInput>() -> Whole<T> {
    Whole { write: serde_json::to_vec::<T>, read: from_json::<T>, schema: subschema::<T> }
}

/// What a method returns.
pub struct Output<O> {
    pub(super) answer: fn(Incoming, O) -> axum::response::Response,
    pub(super) receive: fn(&Operation, Result<Response<Payload>>) -> O,
    pub(super) unexpected: fn(Error) -> O,
    /// The error, if it is an unexpected one.
    pub(super) into_unexpected: fn(O) -> Result<Error, O>,
    pub(super) schema: fn(&mut SchemaGenerator) -> Option<Schema>,
    /// Whether a success is a stream.
    pub(super) streams: bool,
    pub(super) map_stream: fn(O, MapStream<'_>) -> O,
    pub(super) errors: fn(&mut SchemaGenerator) -> Vec<ErrorSpec>,
}

/// The table of the type.
pub const fn output<O: ContractOutput>() -> Output<O> {
    Output {
        answer: incoming::answer::<O>,
        receive: call::receive::<O>,
        unexpected: unexpected::<O>,
        into_unexpected: into_unexpected::<O>,
        schema: <O::Ok as Answer>::schema,
        streams: <O::Ok as Answer>::STREAMS,
        map_stream: map_stream::<O>,
        errors: <O::Err as ApiError>::describe,
    }
}

/// What is a text already is taken as it is.
fn to_text<T: ContractInput>(value: &T) -> Result<Option<Cow<'_, str>>, &'static str> {
    match (value as &dyn Any).downcast_ref::<String>() {
        Some(text) => Ok(Some(Cow::Borrowed(text))),
        None => text::write(value).map(|text| text.map(Cow::Owned)),
    }
}

fn to_query<T: ContractInput>(value: &T) -> Result<String, serde_html_form::ser::Error> {
    serde_html_form::to_string(value)
}

fn subschema<T: ContractInput>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

fn unexpected<O: ContractOutput>(error: Error) -> O {
    O::from_result(Err(<O::Err as ApiError>::unexpected(error)))
}

fn map_stream<O: ContractOutput>(output: O, map: MapStream<'_>) -> O {
    O::from_result(output.into_result().map(|answer| answer.map_stream(map)))
}

fn into_unexpected<O: ContractOutput>(output: O) -> Result<Error, O> {
    match output.into_result() {
        Ok(answer) => Err(O::from_result(Ok(answer))),
        Err(error) => error.into_unexpected().map_err(|promised| O::from_result(Err(promised))),
    }
}
