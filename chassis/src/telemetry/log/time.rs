use std::cell::Cell;
use std::io::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

/// `2026-11-21T04:10:08`: the part of a time that stays the same for a second.
const SECOND: usize = 19;

thread_local! {
    static LAST: Cell<(u64, [u8; SECOND])> = const { Cell::new((u64::MAX, [b'-'; SECOND])) };
}

/// Appends a time in UTC as RFC 3339 with microseconds.
pub(super) fn write_full(line: &mut Vec<u8>, time: SystemTime) {
    let (second, micros) = split(time);
    line.extend_from_slice(&second);
    // Writing to a Vec cannot fail.
    let _ = write!(line, ".{micros:06}Z");
}

/// Appends the time of day in UTC with milliseconds.
pub(super) fn write_short(line: &mut Vec<u8>, time: SystemTime) {
    let (second, micros) = split(time);
    line.extend_from_slice(&second["2026-11-21T".len()..]);
    let _ = write!(line, ".{:03}Z", micros / 1000);
}

fn split(time: SystemTime) -> ([u8; SECOND], u32) {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (last, text) = LAST.get();
    if last == since.as_secs() {
        return (text, since.subsec_micros());
    }
    let seconds = i64::try_from(since.as_secs()).ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    let full = seconds.unwrap_or_default().to_string();
    let text = full.as_bytes().first_chunk().copied().unwrap_or([b'-'; SECOND]);
    LAST.set((since.as_secs(), text));
    (text, since.subsec_micros())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn looks_like_rfc_3339() {
        let mut line = Vec::new();
        for micros in [1_000_000_000_000_001, 1_000_000_000_500_000, 1_000_000_001_000_000] {
            write_full(&mut line, UNIX_EPOCH + Duration::from_micros(micros));
            line.push(b' ');
            write_short(&mut line, UNIX_EPOCH + Duration::from_micros(micros));
            line.push(b'\n');
        }
        assert_eq!(
            String::from_utf8_lossy(&line),
            "2001-09-09T01:46:40.000001Z 01:46:40.000Z\n\
             2001-09-09T01:46:40.500000Z 01:46:40.500Z\n\
             2001-09-09T01:46:41.000000Z 01:46:41.000Z\n"
        );
    }
}
