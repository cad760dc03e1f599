//! Connections that end without losing what was sent last.

use std::io;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Duration, Sleep, sleep};

/// For how long a client may take to close its side, too.
const LINGER: Duration = Duration::from_secs(1);

/// What an HTTP/2 connection begins with: RFC 9113, 3.4.
const PREFACE: &[u8] = b"PRI * HTTP/2.0";

/// The connection of a client.
///
/// An HTTP/2 client keeps sending what it has to say about what it gets. A connection that is closed while there is something
/// of that to read is reset, and all that was sent and has not arrived is lost with it, such as the end of a stream. So it is
/// read, and thrown away, until the client closes it too.
pub(super) struct Closing {
    stream: TcpStream,
    /// `None` until something was read.
    http2: Option<bool>,
    linger: Option<Pin<Box<Sleep>>>,
}

impl Closing {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream, http2: None, linger: None }
    }
}

impl AsyncRead for Closing {
    fn poll_read(self: Pin<&mut Self>, cx: &mut TaskContext<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let polled = Pin::new(&mut this.stream).poll_read(cx, buffer);
        if this.http2.is_none() && polled.is_ready() {
            this.http2 = Some(buffer.filled()[before..].starts_with(PREFACE));
        }
        polled
    }
}

impl AsyncWrite for Closing {
    fn poll_write(self: Pin<&mut Self>, cx: &mut TaskContext<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, data)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
        if this.http2 != Some(true) {
            return Poll::Ready(Ok(()));
        }
        let mut thrown_away = [0; 4096];
        loop {
            let mut buffer = ReadBuf::new(&mut thrown_away);
            match Pin::new(&mut this.stream).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {}
                Poll::Ready(_) => return Poll::Ready(Ok(())),
                Poll::Pending => {
                    let linger = this.linger.get_or_insert_with(|| Box::pin(sleep(LINGER)));
                    return linger.as_mut().poll(cx).map(Ok);
                }
            }
        }
    }
}
