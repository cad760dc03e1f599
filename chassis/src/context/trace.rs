//! W3C Trace Context, level 1: <https://www.w3.org/TR/trace-context/>.

use std::fmt;
use std::sync::Arc;

/// Identifies a whole trace; all zeroes is no trace.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct TraceId(pub u128);

/// Identifies one span of a trace; all zeroes is no span.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SpanId(pub u64);

impl TraceId {
    /// A new id from a fast, not a secret, source of randomness.
    pub fn random() -> Self {
        Self(fastrand::u128(1..))
    }

    /// Whether it stands for no trace at all.
    pub fn is_none(self) -> bool {
        self.0 == 0
    }
}

impl SpanId {
    /// A new id from a fast, not a secret, source of randomness.
    pub fn random() -> Self {
        Self(fastrand::u64(1..))
    }

    /// Whether it stands for no span at all.
    pub fn is_none(self) -> bool {
        self.0 == 0
    }
}

macro_rules! hex {
    ($type:ty, $width:literal) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!("{:0", $width, "x}"), self.0)
            }
        }
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}")
            }
        }
    };
}
hex!(TraceId, 32);
hex!(SpanId, 16);

/// The position of a piece of work in its distributed trace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TraceContext {
    /// The trace.
    pub trace_id: TraceId,
    /// The span that is the parent of whatever comes next.
    pub span_id: SpanId,
    /// Whether the trace is recorded.
    pub sampled: bool,
    /// The `tracestate` header as it came.
    pub state: Option<Arc<str>>,
}

impl TraceContext {
    /// Whether there is a trace at all.
    pub fn is_none(&self) -> bool {
        self.trace_id.is_none() || self.span_id.is_none()
    }

    /// Reads a `traceparent` header; `None` when it is malformed, as the specification wants it ignored then.
    pub fn parse(traceparent: &str) -> Option<Self> {
        let text = traceparent.trim();
        let bytes = text.as_bytes();
        if bytes.len() < 55 || bytes[2] != b'-' || bytes[35] != b'-' || bytes[52] != b'-' {
            return None;
        }
        let lower_hex = |part: &[u8]| part.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if ![0..2, 3..35, 36..52, 53..55].into_iter().all(|range| lower_hex(&bytes[range])) {
            return None;
        }
        let version = &text[..2];
        // A later version may append fields after another dash; version ff is forbidden.
        if version == "ff" || (version == "00" && bytes.len() != 55) || (bytes.len() > 55 && bytes[55] != b'-') {
            return None;
        }
        let context = Self {
            trace_id: TraceId(u128::from_str_radix(&text[3..35], 16).ok()?),
            span_id: SpanId(u64::from_str_radix(&text[36..52], 16).ok()?),
            sampled: u8::from_str_radix(&text[53..55], 16).ok()? & 1 == 1,
            state: None,
        };
        (!context.is_none()).then_some(context)
    }

    /// The `traceparent` header for the work that comes next.
    pub fn traceparent(&self) -> String {
        String::from_utf8_lossy(&self.header()).into_owned()
    }

    /// The same in ASCII. It is written for each call and each message, where formatting would take most of the time.
    pub(crate) fn header(&self) -> [u8; 55] {
        static DIGITS: [[u8; 2]; 256] = digits();
        let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
        let mut hex = |at: usize, bytes: &[u8]| {
            for (pair, byte) in text[at..].chunks_exact_mut(2).zip(bytes) {
                pair.copy_from_slice(&DIGITS[usize::from(*byte)]);
            }
        };
        hex(3, &self.trace_id.0.to_be_bytes());
        hex(36, &self.span_id.0.to_be_bytes());
        hex(53, &[u8::from(self.sampled)]);
        text
    }
}

/// Every byte in hexadecimal digits.
const fn digits() -> [[u8; 2]; 256] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        pairs[byte] = [DIGITS[byte >> 4], DIGITS[byte & 15]];
        byte += 1;
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let context = TraceContext::parse(text).expect("well-formed");
        assert!(context.sampled);
        assert_eq!(context.traceparent(), text);
    }

    #[test]
    fn ignores_what_is_malformed() {
        for text in [
            "",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-é1",
        ] {
            assert_eq!(TraceContext::parse(text), None, "{text}");
        }
    }

    #[test]
    fn takes_a_later_version_with_more_fields() {
        assert!(TraceContext::parse("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00-more").is_some());
    }
}
