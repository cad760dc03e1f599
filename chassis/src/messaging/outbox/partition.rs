/// How many partitions an outbox has. It never changes: rows that are stored have theirs written beside them.
pub const PARTITIONS: u8 = 8;

/// The partition of a row: FNV-1a, 64 bits, of its ordering key, or of its id if it has none, modulo [`PARTITIONS`].
///
/// See <https://datatracker.ietf.org/doc/html/draft-eastlake-fnv> for the hash.
pub fn partition(ordering_key: Option<&str>, id: &str) -> u8 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in ordering_key.unwrap_or(id).bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    (hash % u64::from(PARTITIONS)) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_fnv_1a() {
        // The published vectors: "" → cbf29ce484222325, "a" → af63dc4c8601ec8c, "foobar" → 85944171f73967e8.
        assert_eq!(partition(Some(""), "x"), 5);
        assert_eq!(partition(Some("a"), "x"), 4);
        assert_eq!(partition(Some("foobar"), "x"), 0);
        assert_eq!(partition(None, "foobar"), 0);
    }

    #[test]
    fn keys_spread_over_all_partitions() {
        let mut count = [0_u32; PARTITIONS as usize];
        for index in 0..8000 {
            count[usize::from(partition(Some(&format!("order-{index}")), ""))] += 1;
        }
        assert!(count.iter().all(|count| (800..1200).contains(count)), "{count:?}");
    }
}
