//! What an attempt ends with.

use bytes::Bytes;

use super::download::Download;

/// The body of an answer, as the layers see it.
#[derive(Debug)]
pub(super) enum Answered {
    /// All of it.
    Whole(Bytes),
    /// What comes after the head of a success, of a call that streams.
    Stream(Box<Download>),
}

impl Answered {
    /// What there is of it already: all, unless it streams.
    pub(super) fn whole(&self) -> &[u8] {
        match self {
            Self::Whole(body) => body,
            Self::Stream(_) => &[],
        }
    }
}

impl From<Bytes> for Answered {
    fn from(body: Bytes) -> Self {
        Self::Whole(body)
    }
}
