//! The body of an answer, read whole.

use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderValue};

#[cfg(feature = "compression")]
use super::gzip::Gunzip;
use crate::{Error, ErrorKind, Result};

/// Collects a body, up to a limit. What is collected lies in one piece, so that a body that comes byte by byte takes no
/// more room than another.
pub(super) struct Whole {
    got: Got,
    limit: usize,
}

enum Got {
    Nothing,
    /// Most answers come in one piece, which is then taken as it is.
    One(Bytes),
    Many(Vec<u8>),
    #[cfg(feature = "compression")]
    Compressed(Box<Gunzip>),
}

impl Whole {
    /// For the body of an answer with these headers. An encoding that was asked for is taken off, with its headers.
    ///
    /// # Errors
    /// One that was not asked for.
    pub(super) fn new(headers: &mut HeaderMap, limit: usize, compression: bool) -> Result<Self> {
        let Some(encoding) = headers.get(CONTENT_ENCODING).filter(|encoding| *encoding != "identity") else {
            return Ok(Self { got: Got::Nothing, limit });
        };
        #[cfg(feature = "compression")]
        if compression && super::gzip::is_gzip(encoding) {
            headers.remove(CONTENT_ENCODING);
            headers.remove(CONTENT_LENGTH);
            return Ok(Self { got: Got::Compressed(Box::new(Gunzip::new(limit))), limit });
        }
        let _ = (compression, CONTENT_LENGTH);
        Err(encoded(encoding))
    }

    /// Takes the next piece.
    ///
    /// # Errors
    /// It is too large, or cannot be decompressed.
    pub(super) fn add(&mut self, piece: Bytes) -> Result<()> {
        let before = match &mut self.got {
            Got::Nothing => 0,
            Got::One(first) => first.len(),
            Got::Many(all) => all.len(),
            #[cfg(feature = "compression")]
            Got::Compressed(gunzip) => return gunzip.add(&piece).map_err(|error| error.told(self.limit)),
        };
        if piece.len() > self.limit.saturating_sub(before) {
            return Err(too_large(self.limit));
        }
        match &mut self.got {
            Got::One(first) => {
                let mut all = Vec::with_capacity((first.len() + piece.len()) * 2);
                all.extend_from_slice(first);
                all.extend_from_slice(&piece);
                self.got = Got::Many(all);
            }
            Got::Many(all) => all.extend_from_slice(&piece),
            _ => self.got = Got::One(piece),
        }
        Ok(())
    }

    /// The body.
    ///
    /// # Errors
    /// It cannot be decompressed.
    pub(super) fn end(&mut self) -> Result<Bytes> {
        match std::mem::replace(&mut self.got, Got::Nothing) {
            Got::Nothing => Ok(Bytes::new()),
            Got::One(body) => Ok(body),
            Got::Many(all) => Ok(all.into()),
            #[cfg(feature = "compression")]
            Got::Compressed(gunzip) => gunzip.end().map(Bytes::from).map_err(|error| error.told(self.limit)),
        }
    }
}

pub(super) fn too_large(limit: usize) -> Error {
    Error::new(ErrorKind::Protocol, format!("the answer is larger than {limit} bytes (`response_limit`)"))
}

fn encoded(encoding: &HeaderValue) -> Error {
    let name = encoding.to_str().ok().filter(|name| name.len() <= 32).unwrap_or("something");
    Error::new(ErrorKind::Protocol, format!("the answer is encoded as `{name}`, which was not asked for"))
}
