//! Bytes that need not be in memory all at once: a file, an export, a long list.
//!
//! | file | what it does |
//! |---|---|
//! | `source` | what a stream is made of |
//! | `read` | how it is read |
//! | `received` | the body of a request as a stream |
//! | `told` | a stream that leaves the service: its failures are logged, and hidden |

mod body;
mod read;
mod received;
mod source;
mod told;

pub use read::TooLarge;
pub(crate) use received::Cut;
pub use source::ByteStream;
#[cfg(feature = "client")]
pub(crate) use told::poll_within;

use bytes::Bytes;

/// The media type of bytes of which nothing else is known.
pub(crate) const OCTETS: &str = "application/octet-stream";

/// A body on its way between code that was generated and the wire.
#[derive(Debug)]
pub enum Payload {
    /// All of it.
    Whole(Bytes),
    /// What is not in memory all at once.
    Stream(ByteStream),
}

impl Default for Payload {
    fn default() -> Self {
        Self::Whole(Bytes::new())
    }
}

#[cfg(test)]
mod tests;
