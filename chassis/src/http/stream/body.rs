//! A stream as the body of a message, and as what a handler takes and returns.

use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::Stream;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use http_body::{Frame, SizeHint};

use super::{ByteStream, OCTETS};
use crate::Error;

impl http_body::Body for ByteStream {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let piece = ready!(self.poll_next(cx));
        Poll::Ready(piece.map(|piece| piece.map(Frame::data).map_err(Error::into_boxed)))
    }

    fn is_end_stream(&self) -> bool {
        self.is_at_end()
    }

    fn size_hint(&self) -> SizeHint {
        self.length().map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

/// The body of a request, whatever its content type. What can go wrong with it goes wrong while it is read: see the guide.
impl<S: Send + Sync> FromRequest<S> for ByteStream {
    type Rejection = std::convert::Infallible;

    async fn from_request(request: Request, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self::received(request.into_body()))
    }
}

/// An answer of `application/octet-stream`; in a tuple with headers, of what they say.
impl IntoResponse for ByteStream {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::new(self.told("the answer")));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(OCTETS));
        response
    }
}
