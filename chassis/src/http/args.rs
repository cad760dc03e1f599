//! How a handler's arguments are taken from a request, and how what it returns becomes a response.
//!
//! These traits stand between generated code and axum's extractors: they carry our wording of compile errors, and they
//! are the one place where axum's plain-text rejections become problem+json.

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::request::Parts;

use super::problem::Problem;

/// Something that a handler can take from a request without its body.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be taken from a request",
    label = "no extractor",
    note = "a handler takes `Path`, `Query`, `HeaderMap`, `Extension` or another type that implements `FromRequestParts<()>`; one that reads the body must be the last argument"
)]
pub trait ArgParts: Sized {
    #[doc(hidden)]
    fn from_parts(parts: &mut Parts) -> impl Future<Output = Result<Self, Response>> + Send;
}

#[diagnostic::do_not_recommend]
impl<T> ArgParts for T
where
    T: FromRequestParts<()> + Send,
{
    async fn from_parts(parts: &mut Parts) -> Result<Self, Response> {
        T::from_request_parts(parts, &()).await.map_err(|rejection| reject(rejection.into_response()))
    }
}

/// Something that a handler can take from a whole request, as its last argument.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be taken from a request",
    label = "no extractor",
    note = "a value comes in as `Json<T>`, with `#[model]` above the declaration of `T`",
    note = "the last argument may be `Json`, `Form`, `Bytes`, `String`, `Request`, whatever other arguments may be, or another type that implements `FromRequest<()>`"
)]
pub trait ArgLast<M>: Sized {
    #[doc(hidden)]
    fn from_whole(request: Request) -> impl Future<Output = Result<Self, Response>> + Send;
}

#[diagnostic::do_not_recommend]
impl<T, M> ArgLast<M> for T
where
    T: FromRequest<(), M> + Send,
{
    async fn from_whole(request: Request) -> Result<Self, Response> {
        T::from_request(request, &()).await.map_err(|rejection| reject(rejection.into_response()))
    }
}

/// Something that a handler can return.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be returned from a handler",
    label = "no response; a value goes out as `Json<T>`, with `#[model]` above the declaration of `T`",
    note = "a handler returns `Json<T>`, `Html<T>`, `String`, `StatusCode`, a tuple of those, `Result` of one of them (with `chassis::Error` or `Problem`), or another type that implements `IntoResponse`"
)]
pub trait Reply {
    #[doc(hidden)]
    fn reply(self) -> Response;
}

#[diagnostic::do_not_recommend]
impl<T: IntoResponse> Reply for T {
    fn reply(self) -> Response {
        self.into_response()
    }
}

/// Turns an extractor's own words into problem+json; a response that is no plain text is left as it is.
fn reject(response: Response) -> Response {
    let plain = response
        .headers()
        .get(CONTENT_TYPE)
        .is_none_or(|kind| kind.to_str().is_ok_and(|kind| kind.starts_with("text/plain")));
    // The text is not passed on: extractors quote what they were given.
    if plain { Problem::from_status(response.status()).into_response() } else { response }
}
