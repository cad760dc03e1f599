//! What an attempt ends with.

use bytes::Bytes;

/// The body of an answer, as the layers see it.
#[derive(Debug)]
pub(crate) enum Answered {
    /// All of it.
    Whole(Bytes),
}

impl Answered {
    /// What there is of it already: all, unless it streams.
    pub(super) fn whole(&self) -> &[u8] {
        let Self::Whole(body) = self;
        body
    }
}

impl From<Bytes> for Answered {
    fn from(body: Bytes) -> Self {
        Self::Whole(body)
    }
}
