//! How a stream is read.

use std::io;

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, TryStreamExt};
use tokio::io::AsyncBufRead;
use tokio_util::io::StreamReader;

use super::ByteStream;
use crate::{Error, ErrorKind, Result};

/// A stream is larger than its reader takes; in the chain of causes of what [`ByteStream::collect_up_to`] fails with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it has more than {limit} bytes")]
pub struct TooLarge {
    /// How many bytes would have been taken.
    pub limit: usize,
}

impl ByteStream {
    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// The stream broke off, or its time is over. It is at its end then.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        self.next().await.transpose()
    }

    /// All of it, where that is at most `limit` bytes.
    ///
    /// ```
    /// use chassis::http::{ByteStream, TooLarge};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// assert_eq!(ByteStream::from("seven").collect_up_to(5).await.unwrap(), "seven");
    /// let error = ByteStream::from("seven").collect_up_to(4).await.unwrap_err();
    /// assert_eq!(error.downcast_ref::<TooLarge>(), Some(&TooLarge { limit: 4 }));
    /// # });
    /// ```
    ///
    /// # Errors
    /// With [`TooLarge`] where it has more, of which no more than that is read; otherwise those of [`chunk`](Self::chunk).
    pub async fn collect_up_to(mut self, limit: usize) -> Result<Bytes> {
        let too_large =
            || Error::new(ErrorKind::Invalid, "the stream is larger than is taken").with_source(TooLarge { limit });
        let length = self.length().and_then(|length| usize::try_from(length).ok());
        if length.is_some_and(|length| length > limit) {
            return Err(too_large());
        }
        let Some(first) = self.chunk().await? else { return Ok(Bytes::new()) };
        if first.len() > limit {
            return Err(too_large());
        }
        let Some(second) = self.chunk().await? else { return Ok(first) };
        // What is said to come is believed only as far as it has come.
        let mut all = BytesMut::with_capacity(first.len() + second.len());
        all.extend_from_slice(&first);
        let mut next = Some(second);
        while let Some(piece) = next {
            if piece.len() > limit - all.len() {
                return Err(too_large());
            }
            all.extend_from_slice(&piece);
            next = self.chunk().await?;
        }
        Ok(all.freeze())
    }

    /// The stream as a reader, such as for `tokio::io::copy`. Its errors are `io::Error`s that hold those of the stream.
    pub fn into_reader(self) -> impl AsyncBufRead + Send + Unpin {
        StreamReader::new(self.map_err(into_io))
    }
}

fn into_io(error: Error) -> io::Error {
    let kind = match error.kind() {
        ErrorKind::DeadlineExceeded => io::ErrorKind::TimedOut,
        ErrorKind::Unavailable | ErrorKind::Closed => io::ErrorKind::ConnectionAborted,
        ErrorKind::Protocol | ErrorKind::Decode => io::ErrorKind::InvalidData,
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, error.into_boxed())
}

/// The error of a reader. One that was ours comes back as it was.
pub(super) fn of_io(error: io::Error) -> Error {
    if error.get_ref().is_none() {
        return error.into();
    }
    let kind = error.kind();
    let cause = error.into_inner().unwrap_or_else(|| io::Error::from(kind).into());
    Error::from_boxed(cause)
}
