//! What a request is sent with.

use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;

use super::call::Call;
use super::upload::{Exchanging, Upload};
use crate::http::stream::Payload;

/// The body of a request on its way out.
#[derive(Debug)]
pub(super) enum Sending {
    /// All of it.
    Whole(Full<Bytes>),
    /// What comes while it is sent.
    Stream(Upload),
}

impl Sending {
    /// That of one attempt of a call.
    pub(super) fn of(call: &Call) -> Self {
        match (&call.flow, &call.outgoing.body) {
            (Some(flow), _) => Self::Stream(Upload::new(flow)),
            (None, Payload::Whole(body)) => Self::Whole(Full::new(body.clone())),
            // It is taken out when the call is prepared.
            (None, Payload::Stream(_)) => Self::Whole(Full::default()),
        }
    }

    /// What ends a stream with its exchange.
    pub(super) fn exchanging(&self) -> Option<Exchanging> {
        match self {
            Self::Whole(_) => None,
            Self::Stream(upload) => Some(upload.exchanging()),
        }
    }
}

impl Body for Sending {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        match self.get_mut() {
            Self::Whole(body) => Pin::new(body).poll_frame(cx).map_err(|never| match never {}),
            Self::Stream(upload) => Pin::new(upload).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(body) => body.is_end_stream(),
            Self::Stream(upload) => upload.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => body.size_hint(),
            Self::Stream(upload) => upload.size_hint(),
        }
    }
}
