//! What a stream is made of.

use std::fmt;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context as TaskContext, Poll, ready};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt, TryStreamExt};
use tokio::io::AsyncRead;
use tokio_util::io::ReaderStream;

use super::read::of_io;
use crate::{Error, ErrorKind, Result};

/// How much is read from a reader at once.
const PIECE: usize = 16 * 1024;

/// Bytes that come piece by piece, and that are never in memory all at once: what an operation of a contract takes or
/// answers when that is too large for memory.
///
/// It is made from a stream, from a reader, or from bytes that are there already; it is a [`Stream`], an
/// [`http_body::Body`], and can be [read as a file is](Self::into_reader) or [collected](Self::collect_up_to). Nothing of it
/// is produced before it is asked for, so that a slow reader holds the writer back. After an error it is at its end: a stream
/// that ends without one is whole.
///
/// In a service's own routes it is an extractor (the last argument) and a response; in a contract it is an argument marked
/// `#[body]` and what is returned. See the guide to streaming.
///
/// ```
/// use chassis::http::ByteStream;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let mut lines = ByteStream::new(futures_util::stream::iter([Ok::<_, chassis::Error>("sku,left\n"), Ok("mug,7\n")]));
/// assert_eq!(lines.chunk().await?.as_deref(), Some(&b"sku,left\n"[..]));
/// assert_eq!(lines.collect_up_to(1024).await?, "mug,7\n");
///
/// let file = ByteStream::from_reader(&b"from a file"[..]).with_length(11);
/// assert_eq!(file.length(), Some(11));
/// # chassis::Result::<()>::Ok(())
/// # }).unwrap();
/// ```
pub struct ByteStream {
    source: Source,
    /// How much is still to come, where that is known.
    left: Option<u64>,
}

enum Source {
    Whole(Bytes),
    /// Never locked: it is there so that a stream can be looked at from several threads, and read by whoever owns it.
    Pieces(Mutex<BoxStream<'static, Result<Bytes>>>),
    Ended,
}

impl ByteStream {
    /// Bytes from a stream of pieces.
    pub fn new<S, B, E>(stream: S) -> Self
    where
        S: Stream<Item = Result<B, E>> + Send + 'static,
        B: Into<Bytes>,
        E: Into<Error>,
    {
        let pieces = stream.map(|piece| piece.map(Into::into).map_err(Into::into));
        Self { source: Source::Pieces(Mutex::new(pieces.boxed())), left: None }
    }

    /// Bytes from a reader, such as a file.
    pub fn from_reader(reader: impl AsyncRead + Send + 'static) -> Self {
        Self::new(ReaderStream::with_capacity(reader, PIECE).map_err(of_io))
    }

    /// No bytes.
    pub fn empty() -> Self {
        Bytes::new().into()
    }

    /// Says how many bytes it has, so that whoever gets it knows in advance (`content-length`). One that turns out to have
    /// more or fewer ends with an error.
    #[must_use]
    pub fn with_length(mut self, bytes: u64) -> Self {
        self.left = Some(bytes);
        self
    }

    /// How many bytes are still to come, where that is known.
    pub fn length(&self) -> Option<u64> {
        self.left
    }

    /// Whether it can neither fail nor be waited for.
    pub(super) fn is_whole(&self) -> bool {
        !matches!(self.source, Source::Pieces(_))
    }

    /// Whether nothing more comes.
    pub(crate) fn is_at_end(&self) -> bool {
        match &self.source {
            Source::Whole(bytes) => bytes.is_empty() && self.left == Some(0),
            Source::Pieces(_) => false,
            Source::Ended => true,
        }
    }

    /// Takes `piece` off what is to come.
    fn count(&mut self, piece: &Bytes) -> Result<()> {
        let Some(left) = self.left else { return Ok(()) };
        match left.checked_sub(piece.len() as u64) {
            Some(left) => {
                self.left = Some(left);
                Ok(())
            }
            None => Err(Error::new(ErrorKind::Protocol, "the stream has more bytes than it was said to have")),
        }
    }

    fn poll_piece(&mut self, cx: &mut TaskContext<'_>) -> Poll<Option<Result<Bytes>>> {
        let piece = match &mut self.source {
            Source::Ended => return Poll::Ready(None),
            Source::Pieces(pieces) => {
                let pieces = pieces.get_mut().unwrap_or_else(PoisonError::into_inner);
                ready!(pieces.as_mut().poll_next(cx))
            }
            Source::Whole(bytes) if bytes.is_empty() => None,
            Source::Whole(bytes) => Some(Ok(std::mem::take(bytes))),
        };
        let piece = match piece {
            Some(Ok(piece)) => self.count(&piece).map(|()| Some(piece)),
            Some(Err(error)) => Err(error),
            None if self.left.is_some_and(|left| left > 0) => {
                Err(Error::new(ErrorKind::Protocol, "the stream has fewer bytes than it was said to have"))
            }
            None => Ok(None),
        };
        if !matches!(piece, Ok(Some(_))) {
            // Whatever it comes from is let go of at once.
            self.source = Source::Ended;
        }
        Poll::Ready(piece.transpose())
    }
}

impl Stream for ByteStream {
    type Item = Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_piece(cx)
    }
}

/// Its content is nobody's business.
impl fmt::Debug for ByteStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByteStream").field("left", &self.left).finish_non_exhaustive()
    }
}

impl From<Bytes> for ByteStream {
    fn from(bytes: Bytes) -> Self {
        Self { left: Some(bytes.len() as u64), source: Source::Whole(bytes) }
    }
}

impl From<Vec<u8>> for ByteStream {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl From<String> for ByteStream {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl From<&'static str> for ByteStream {
    fn from(text: &'static str) -> Self {
        Bytes::from_static(text.as_bytes()).into()
    }
}
