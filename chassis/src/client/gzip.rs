//! Compressed answers.

use std::io::{self, Write};

use flate2::write::MultiGzDecoder;
use http::HeaderValue;

use super::whole::too_large;
use crate::{Error, ErrorKind};

/// Decompresses gzip piece by piece, up to a limit: what would be larger is refused when the limit is reached, however
/// small it came.
pub(super) struct Gunzip(MultiGzDecoder<Capped>);

/// Why something could not be decompressed.
#[derive(Debug)]
pub(super) enum Fault {
    TooLarge,
    Broken(io::Error),
}

struct Capped {
    all: Vec<u8>,
    limit: usize,
}

/// Whether it is the one encoding that is asked for.
pub(super) fn is_gzip(encoding: &HeaderValue) -> bool {
    [b"gzip".as_slice(), b"x-gzip"].iter().any(|name| encoding.as_bytes().eq_ignore_ascii_case(name))
}

impl Gunzip {
    pub(super) fn new(limit: usize) -> Self {
        Self(MultiGzDecoder::new(Capped { all: Vec::new(), limit }))
    }

    pub(super) fn add(&mut self, piece: &[u8]) -> Result<(), Fault> {
        self.0.write_all(piece).map_err(Fault::of)
    }

    /// What it was.
    pub(super) fn end(self) -> Result<Vec<u8>, Fault> {
        self.0.finish().map(|capped| capped.all).map_err(Fault::of)
    }
}

impl Write for Capped {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        if data.len() > self.limit - self.all.len() {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.all.extend_from_slice(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Fault {
    fn of(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::FileTooLarge { Self::TooLarge } else { Self::Broken(error) }
    }

    /// What the caller is told.
    pub(super) fn told(self, limit: usize) -> Error {
        match self {
            Self::TooLarge => too_large(limit),
            Self::Broken(error) => {
                Error::new(ErrorKind::Protocol, "the answer is no gzip, which it says to be").with_source(error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(data).expect("it is written to memory");
        encoder.finish().expect("it is written to memory")
    }

    fn through(compressed: &[u8], piece: usize, limit: usize) -> Result<Vec<u8>, Fault> {
        let mut gunzip = Gunzip::new(limit);
        compressed.chunks(piece).try_for_each(|piece| gunzip.add(piece))?;
        gunzip.end()
    }

    #[test]
    fn it_comes_out_as_it_went_in() {
        let data = b"{\"available\":7}".repeat(1000);
        let twice = [gzip(&data), gzip(b"!")].concat();
        for piece in [1, 7, 100_000] {
            assert_eq!(through(&gzip(&data), piece, data.len()).expect("gzip"), data);
            assert_eq!(through(&twice, piece, data.len() + 1).expect("two members").len(), data.len() + 1);
        }
    }

    #[test]
    fn a_bomb_is_refused_in_little_room() {
        let bomb = gzip(&vec![0; 64 << 20]);
        assert!(bomb.len() < 100_000);
        let mut gunzip = Gunzip::new(1 << 20);
        let refused = bomb.chunks(1024).try_for_each(|piece| gunzip.add(piece));
        assert!(matches!(refused, Err(Fault::TooLarge)));
        assert!(gunzip.0.get_ref().all.capacity() <= 2 << 20);
    }

    #[test]
    fn what_is_broken_is_told() {
        let whole = gzip(b"seven seven seven");
        let mut wrong_sum = whole.clone();
        let at = whole.len() - 6;
        wrong_sum[at] ^= 1;
        for broken in [&b"no gzip at all"[..], &whole[..whole.len() - 9], &wrong_sum] {
            assert!(matches!(through(broken, 5, 1024), Err(Fault::Broken(_))), "{broken:?}");
        }
    }
}
