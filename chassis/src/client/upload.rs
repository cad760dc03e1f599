//! A request whose body is a stream: sent once, and watched while it moves.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context as TaskContext, Poll};

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use http_body::{Body, Frame, SizeHint};
use tokio::time::Instant;

use crate::http::ByteStream;
use crate::http::stream::poll_within;
use crate::{Context, Error};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A stream on its way out.
#[derive(Debug)]
pub(super) struct Flow {
    /// `None` after its end.
    source: Mutex<Option<ByteStream>>,
    /// The work that it is made for.
    context: Context,
    /// Whether a connection has begun with it.
    touched: AtomicBool,
    /// When it moved last; `None` while it is the source that is waited for.
    moved: Mutex<Option<Instant>>,
    /// Why its source could not go on.
    failed: Mutex<Option<Error>>,
    state: AtomicU8,
    waker: AtomicWaker,
}

/// It is sent as fast as the connection takes it.
const MOVING: u8 = 0;
/// The other side has refused it, and its answer is being read.
const HELD: u8 = 1;
/// Nobody wants it any more.
const OVER: u8 = 2;

/// The stream that was to be sent failed, which says nothing of the other side.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct SourceFailed(#[source] BoxError);

/// Why a connection cannot go on with a stream.
#[derive(Debug, thiserror::Error)]
enum Stop {
    #[error("its source failed")]
    Failed,
    #[error("the call is over")]
    Over,
}

impl Flow {
    pub(super) fn new(source: ByteStream, context: Context) -> Self {
        Self {
            source: Mutex::new(Some(source)),
            context,
            touched: AtomicBool::new(false),
            moved: Mutex::new(Some(Instant::now())),
            failed: Mutex::default(),
            state: AtomicU8::new(MOVING),
            waker: AtomicWaker::new(),
        }
    }

    /// Whether nothing of it was handed to a connection.
    pub(super) fn is_untouched(&self) -> bool {
        !self.touched.load(Ordering::Acquire)
    }

    /// Since when the other side is waited for.
    pub(super) fn moved(&self) -> Instant {
        lock(&self.moved).unwrap_or_else(Instant::now)
    }

    /// What is held is let go of with the call at the latest.
    fn hold(&self) {
        let _ = self.state.compare_exchange(MOVING, HELD, Ordering::AcqRel, Ordering::Acquire);
        self.waker.wake();
    }

    fn end(&self) {
        self.state.store(OVER, Ordering::Release);
        // A connection whose other side reads nothing would not ask for more, and keep the source. Where it is being asked
        // right now, it is let go of there.
        if let Ok(mut source) = self.source.try_lock() {
            let source = source.take();
            drop(source);
        }
        self.waker.wake();
    }

    fn poll_piece(&self, cx: &mut TaskContext<'_>) -> Poll<Option<Result<Bytes, Stop>>> {
        self.touched.store(true, Ordering::Release);
        self.waker.register(cx.waker());
        let mut slot = lock(&self.source);
        match self.state.load(Ordering::Acquire) {
            MOVING => {}
            HELD => return Poll::Pending,
            _ => return Poll::Ready(Some(Err(Stop::Over))),
        }
        let Some(source) = slot.as_mut() else { return Poll::Ready(None) };
        let polled = poll_within(&self.context, source, cx);
        *lock(&self.moved) = polled.is_ready().then(Instant::now);
        if self.state.load(Ordering::Acquire) == OVER || matches!(polled, Poll::Ready(None)) {
            *slot = None;
        }
        polled.map(|piece| {
            Some(piece?.map_err(|error| {
                *lock(&self.failed) = Some(error);
                Stop::Failed
            }))
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The exchange that a stream is sent in: with its end the stream is let go of, however much of it was sent. A connection
/// would otherwise go on with it after the answer.
pub(super) struct Exchanging(Arc<Flow>);

impl Exchanging {
    /// The error of the call whose stream could not go on.
    pub(super) fn failure(&self) -> Option<Error> {
        let failed = lock(&self.0.failed).take()?;
        let error = Error::new(failed.kind(), "the stream that was to be sent failed");
        Some(error.with_source(SourceFailed(failed.into_boxed())))
    }

    /// No more is sent, as it was refused; what was is left as it is until the answer has been read.
    pub(super) fn hold(&self) {
        self.0.hold();
    }
}

impl Drop for Exchanging {
    fn drop(&mut self) {
        // What no connection has begun with may go with another exchange.
        if !self.0.is_untouched() {
            self.0.end();
        }
    }
}

/// A stream as the body of a request.
#[derive(Debug)]
pub(super) struct Upload(Arc<Flow>);

impl Upload {
    /// That of one attempt of a call.
    pub(super) fn new(flow: &Arc<Flow>) -> Self {
        *lock(&flow.moved) = Some(Instant::now());
        Self(Arc::clone(flow))
    }

    /// What ends it with its exchange.
    pub(super) fn exchanging(&self) -> Exchanging {
        Exchanging(Arc::clone(&self.0))
    }

    /// What is said of the source.
    fn said<T>(&self, read: impl FnOnce(&ByteStream) -> T) -> Option<T> {
        lock(&self.0.source).as_ref().map(read)
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        self.0.poll_piece(cx).map(|piece| Some(piece?.map(Frame::data).map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.said(ByteStream::is_end_stream).unwrap_or(false)
    }

    fn size_hint(&self) -> SizeHint {
        self.said(Body::size_hint).unwrap_or_default()
    }
}
