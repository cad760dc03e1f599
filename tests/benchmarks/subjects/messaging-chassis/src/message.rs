//! The event: 256 bytes of JSON.

use chassis::prelude::*;

/// Something to send.
#[event(name = "bench.sent", version = 1, owner = "bench")]
pub struct Sent {
    /// Which one it is.
    pub number: u64,
    /// When it was sent, in microseconds.
    pub sent: u64,
    /// What makes it as long as it is.
    pub text: String,
}

/// The same in an outbox, where events of one key are sent one after the other.
#[event(name = "bench.stored", version = 1, owner = "bench", key = key)]
pub struct Stored {
    /// What it is about.
    pub key: String,
    /// Which one it is.
    pub number: u64,
    /// What makes it as long as it is.
    pub text: String,
}

/// An event of 256 bytes.
pub fn sent(number: u64, sent: u64) -> Sent {
    Sent { number: 100_000_000 + number, sent: 1_000_000_000_000_000 + sent, text: "x".repeat(202) }
}

/// An event of 256 bytes, of one of a thousand keys.
pub fn stored(number: u64) -> Stored {
    Stored { key: format!("order-{:04}", number % 1_000), number: 100_000_000 + number, text: "x".repeat(207) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_as_long_as_those_of_the_references() {
        let length = |json: serde_json::Result<Vec<u8>>| json.expect("JSON").len();
        assert_eq!(length(serde_json::to_vec(&sent(3, 4))), 256);
        assert_eq!(length(serde_json::to_vec(&stored(3))), 256);
    }
}
