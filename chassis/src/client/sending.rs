//! What a request is sent with.

use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::call::Call;
use super::upload::{Exchanging, Upload};
use crate::http::stream::Payload;

/// The body of a request on its way out. It is small, as a request is moved a dozen times until it is written: what has no
/// body pays for none.
#[derive(Debug)]
pub(super) enum Sending {
    /// All of it; `None` when there is nothing, or no more.
    Whole(Option<Box<Bytes>>),
    /// What comes while it is sent.
    Stream(Upload),
}

impl Sending {
    /// That of one attempt of a call.
    pub(super) fn of(call: &Call) -> Self {
        match (&call.flow, &call.outgoing.body) {
            (Some(flow), _) => Self::Stream(Upload::new(flow)),
            (None, Payload::Whole(body)) => {
                Self::Whole(Some(body).filter(|body| !body.is_empty()).cloned().map(Box::new))
            }
            // It is taken out when the call is prepared.
            (None, Payload::Stream(_)) => Self::Whole(None),
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
            Self::Whole(body) => Poll::Ready(body.take().map(|body| Ok(Frame::data(*body)))),
            Self::Stream(upload) => Pin::new(upload).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(body) => body.is_none(),
            Self::Stream(upload) => upload.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => SizeHint::with_exact(body.as_ref().map_or(0, |body| body.len() as u64)),
            Self::Stream(upload) => upload.size_hint(),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::Request;
    use http_body_util::BodyExt;

    use super::*;
    use crate::client::outgoing::Outgoing;

    #[cfg(target_pointer_width = "64")]
    #[test]
    fn a_request_is_copied_in_one_go() {
        // Beyond it a copy takes twice as long, and a request is copied a dozen times.
        assert!(size_of::<Request<Sending>>() <= 256, "{} bytes", size_of::<Request<Sending>>());
    }

    #[tokio::test]
    async fn it_says_how_long_it_is_and_ends() {
        for body in ["", "seven"] {
            let outgoing = Outgoing { body: Payload::Whole(Bytes::from(body)), ..Outgoing::example() };
            let sending = Sending::of(&Call::example(outgoing));
            assert_eq!(
                (sending.size_hint().exact(), sending.is_end_stream()),
                (Some(body.len() as u64), body.is_empty())
            );
            assert_eq!(sending.collect().await.expect("it is whole").to_bytes(), body);
        }
    }
}
