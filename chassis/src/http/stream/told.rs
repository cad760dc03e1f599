//! A stream that leaves the service.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use bytes::Bytes;
use futures_util::Stream;

use super::ByteStream;
use crate::error::panic_text;
use crate::{Context, Error, ErrorKind, Result};

/// A stream that is produced in the context of its request. When it fails, the log is told all of it, and whoever reads it
/// that it broke off.
struct Told {
    stream: ByteStream,
    context: Context,
    what: Cow<'static, str>,
}

impl ByteStream {
    /// The same for somebody outside of the service. `what` it is stands in log and error.
    pub(crate) fn told(self, what: impl Into<Cow<'static, str>>) -> Self {
        if self.is_whole() {
            return self;
        }
        let length = self.length();
        let told = Self::new(Told { stream: self, context: Context::current(), what: what.into() });
        match length {
            Some(length) => told.with_length(length),
            None => told,
        }
    }
}

impl Told {
    fn broke_off(&self, error: &Error) -> Error {
        self.context.clone().scope_sync(|| {
            tracing::error!(
                stream = %self.what,
                kind = error.kind().as_str(),
                error = format_args!("{error:#}"),
                "a stream failed and was broken off"
            );
        });
        Error::new(ErrorKind::Unavailable, format!("{} broke off", self.what))
    }
}

impl Stream for Told {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        poll_within(&this.context, &mut this.stream, cx).map_err(|error| this.broke_off(&error))
    }
}

/// The next piece of a stream, produced in that context. Who polls is a connection, which would end without a word if the
/// stream panicked: that is an error then.
pub(crate) fn poll_within(
    context: &Context,
    stream: &mut ByteStream,
    cx: &mut TaskContext<'_>,
) -> Poll<Option<Result<Bytes>>> {
    let poll = || context.clone().scope_sync(|| Pin::new(&mut *stream).poll_next(cx));
    catch_unwind(AssertUnwindSafe(poll)).unwrap_or_else(|panic| {
        *stream = ByteStream::empty();
        Poll::Ready(Some(Err(Error::msg(format!("it panicked: {}", panic_text(&*panic))))))
    })
}
