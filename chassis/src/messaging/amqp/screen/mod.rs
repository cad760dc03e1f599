//! What the broker sends, before lapin reads it.
//!
//! lapin reads a table within a table by calling itself, which a message of a few kilobytes can nest so deep that the stack overflows and the process
//! dies; and it gives up a connection over which a short text comes that is not UTF-8, such as a message id in another encoding. RabbitMQ passes
//! both on, and such a message would come again after each start or reconnection. So what comes is looked at here, and mended in
//! place: the lengths stay as they are, and the message is parked as malformed like others that make no sense.
//!
//! What the broker says of publishing lapin does not get to see: it is [told](super::confirms) to the publisher as it comes.

mod fields;
mod frames;
mod kit;
mod methods;

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use async_rs::TokioRuntime;
use async_rs::traits::Reactor;
use futures_io::{AsyncRead, AsyncWrite, IoSlice};
use lapin::tcp::AsyncTcpStream;

use self::frames::{Passed, Screen};
pub(super) use self::kit::Kit;
use super::confirms::Confirms;

/// How much is read at a time.
const CHUNK: usize = 64 * 1024;

/// A socket as it is, with or without TLS.
pub(super) type Socket = AsyncTcpStream<<TokioRuntime as Reactor>::TcpStream>;

/// A socket of which only such bytes are read as lapin can take.
pub(super) struct Screened {
    socket: Socket,
    screen: Screen,
    buffer: Vec<u8>,
    /// What of the buffer was given on …
    taken: usize,
    /// … may be given on …
    passed: usize,
    /// … was looked at …
    seen: usize,
    /// … and has come.
    filled: usize,
}

impl Screened {
    pub(super) fn new(socket: Socket, confirms: Confirms) -> Self {
        Self { socket, screen: Screen::new(confirms), buffer: Vec::new(), taken: 0, passed: 0, seen: 0, filled: 0 }
    }

    fn give(&mut self, out: &mut [u8]) -> usize {
        let given = out.len().min(self.passed - self.taken);
        out[..given].copy_from_slice(&self.buffer[self.taken..][..given]);
        self.taken += given;
        given
    }

    /// Makes room behind what has come, of which no more is left than the beginning of a frame.
    fn make_room(&mut self) {
        self.buffer.copy_within(self.seen..self.filled, 0);
        self.filled -= self.seen;
        (self.taken, self.passed, self.seen) = (0, 0, 0);
        if self.buffer.len() < self.filled + CHUNK {
            self.buffer.resize(self.filled + CHUNK, 0);
        }
    }
}

impl AsyncRead for Screened {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut [u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        while this.taken == this.passed && !out.is_empty() {
            this.make_room();
            let read = ready!(Pin::new(&mut this.socket).poll_read(cx, &mut this.buffer[this.filled..]))?;
            if read == 0 {
                return Poll::Ready(Ok(0));
            }
            this.filled += read;
            let Passed { kept, seen } = this.screen.pass(&mut this.buffer[..this.filled]);
            (this.passed, this.seen) = (kept, seen);
        }
        Poll::Ready(Ok(this.give(out)))
    }
}

impl AsyncWrite for Screened {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().socket).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().socket).poll_write_vectored(cx, slices)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_close(cx)
    }
}
