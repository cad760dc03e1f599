//! What a request is sent with.

use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;

/// The body of a request on its way out.
#[derive(Debug)]
pub(super) enum Sending {
    /// All of it, which can be sent again.
    Whole(Full<Bytes>),
}

impl Body for Sending {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let Self::Whole(body) = self.get_mut();
        Pin::new(body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        let Self::Whole(body) = self;
        body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let Self::Whole(body) = self;
        body.size_hint()
    }
}

impl From<Bytes> for Sending {
    fn from(body: Bytes) -> Self {
        Self::Whole(Full::new(body))
    }
}
