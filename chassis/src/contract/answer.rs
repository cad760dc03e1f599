//! What a method of a contract takes and returns.

use std::any::TypeId;
use std::ops::{Deref, DerefMut};

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{ApiError, describe, outcome};
use crate::http::ByteStream;
use crate::http::stream::Payload;
use crate::{Error, Result};

/// Something that a method of a contract can take: what is marked `#[model]`, and plain values.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a contract",
    label = "not a model: write `#[model]` above its declaration",
    note = "arguments are owned, and can be serialised, deserialised and described by a schema",
    note = "what is too large for memory is a `ByteStream`, under that name"
)]
pub trait ContractInput: Serialize + DeserializeOwned + JsonSchema + Send + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + JsonSchema + Send + 'static> ContractInput for T {}

/// Something that a method of a contract can answer with: what is marked `#[model]`, plain values, `()`, [`ByteStream`], and
/// [`Reply`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be returned from a contract",
    label = "not a model: write `#[model]` above its declaration",
    note = "answers can be serialised, deserialised and described by a schema; `Reply<T>` adds headers to one",
    note = "what is too large for memory is a `ByteStream`"
)]
pub trait Answer: Sized + Send + 'static {
    #[doc(hidden)]
    fn encode(self) -> Result<Encoded>;
    #[doc(hidden)]
    fn decode(answer: Encoded) -> Result<Self>;
    #[doc(hidden)]
    fn schema(generator: &mut SchemaGenerator) -> Option<Schema>;

    /// Whether it is not in memory all at once.
    #[doc(hidden)]
    const STREAMS: bool = false;

    /// The same with another stream in place of its own, if it has one.
    #[doc(hidden)]
    fn map_stream(self, _: MapStream<'_>) -> Self {
        self
    }
}

/// What is done to a stream on its way.
#[doc(hidden)]
pub type MapStream<'a> = &'a mut dyn FnMut(ByteStream) -> ByteStream;

/// What a method of a contract returns: `Result` of an [`Answer`] or an [`ApiError`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be returned from a contract",
    label = "not a `Result`",
    note = "a call can always fail: return `Result<T, E>`, with `T` marked `#[model]` and `E` with `#[derive(ApiError)]`"
)]
pub trait ContractOutput: Sized + Send + 'static {
    /// What it answers with.
    type Ok: Answer;
    /// What it fails with.
    type Err: ApiError;

    #[doc(hidden)]
    fn into_result(self) -> Result<Self::Ok, Self::Err>;
    #[doc(hidden)]
    fn from_result(result: Result<Self::Ok, Self::Err>) -> Self;
}

impl<T: Answer, E: ApiError> ContractOutput for Result<T, E> {
    type Ok = T;
    type Err = E;

    fn into_result(self) -> Self {
        self
    }

    fn from_result(result: Self) -> Self {
        result
    }
}

/// An answer on its way.
#[doc(hidden)]
#[derive(Debug, Default)]
pub struct Encoded {
    pub status: Option<StatusCode>,
    pub headers: HeaderMap,
    /// Empty for what says nothing.
    pub body: Payload,
}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + JsonSchema + Send + 'static> Answer for T {
    fn encode(self) -> Result<Encoded> {
        if TypeId::of::<T>() == TypeId::of::<()>() {
            return Ok(Encoded::default());
        }
        let body =
            serde_json::to_vec(&self).map_err(|error| Error::from(error).context("the answer cannot be written"))?;
        Ok(Encoded { body: Payload::Whole(body.into()), ..Encoded::default() })
    }

    fn decode(answer: Encoded) -> Result<Self> {
        let body = match &answer.body {
            Payload::Whole(body) if !body.is_empty() => body,
            _ => b"null".as_slice(),
        };
        serde_json::from_slice(body)
            .map_err(|error| outcome::unreadable("the answer is not what the contract says", &error))
    }

    fn schema(generator: &mut SchemaGenerator) -> Option<Schema> {
        (TypeId::of::<T>() != TypeId::of::<()>()).then(|| generator.subschema_for::<T>())
    }
}

impl Answer for ByteStream {
    fn encode(self) -> Result<Encoded> {
        Ok(Encoded { body: Payload::Stream(self), ..Encoded::default() })
    }

    fn decode(answer: Encoded) -> Result<Self> {
        Ok(match answer.body {
            Payload::Stream(stream) => stream,
            Payload::Whole(body) => body.into(),
        })
    }

    fn schema(_: &mut SchemaGenerator) -> Option<Schema> {
        Some(describe::bytes())
    }

    const STREAMS: bool = true;

    fn map_stream(self, map: MapStream<'_>) -> Self {
        map(self)
    }
}

/// An answer with headers, or a status other than the declared one.
///
/// ```
/// use chassis::contract::Reply;
/// use http::StatusCode;
///
/// let reply = Reply::new(7).with_status(StatusCode::CREATED).with_header("etag", "\"3\"");
/// assert_eq!(*reply, 7);
/// assert_eq!(reply.header("etag"), Some("\"3\""));
/// ```
#[derive(Debug, Clone)]
pub struct Reply<T> {
    value: T,
    status: Option<StatusCode>,
    headers: HeaderMap,
}

impl<T> Reply<T> {
    /// An answer without headers of its own.
    pub fn new(value: T) -> Self {
        Self { value, status: None, headers: HeaderMap::new() }
    }

    /// Answers with this status, which must be one of success.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.status = Some(status);
        self
    }

    /// Adds a header.
    ///
    /// # Panics
    /// When the value has characters that no header can have, such as a line break.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl AsRef<str>) -> Self {
        let value = HeaderValue::from_str(value.as_ref());
        let value =
            value.unwrap_or_else(|_| panic!("the value of the header `{name}` has characters that no header can have"));
        self.headers.insert(HeaderName::from_static(name), value);
        self
    }

    /// The status: at the caller, that of the response.
    pub fn status(&self) -> Option<StatusCode> {
        self.status
    }

    /// A header, if it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// All headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The answer itself.
    pub fn into_inner(self) -> T {
        self.value
    }
}

impl<T> Deref for Reply<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Reply<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T> From<T> for Reply<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: Answer> Answer for Reply<T> {
    fn encode(self) -> Result<Encoded> {
        if self.status.is_some_and(|status| !status.is_success()) {
            return Err(Error::msg(
                "a reply has a status that is none of success; errors are variants of the error enum",
            ));
        }
        let mut encoded = self.value.encode()?;
        encoded.headers.extend(self.headers);
        encoded.status = self.status.or(encoded.status);
        Ok(encoded)
    }

    fn decode(mut answer: Encoded) -> Result<Self> {
        let (status, headers) = (answer.status, std::mem::take(&mut answer.headers));
        Ok(Self { value: T::decode(answer)?, status, headers })
    }

    fn schema(generator: &mut SchemaGenerator) -> Option<Schema> {
        T::schema(generator)
    }

    const STREAMS: bool = T::STREAMS;

    fn map_stream(self, map: MapStream<'_>) -> Self {
        Self { value: self.value.map_stream(map), ..self }
    }
}
