//! The fields of a frame: <https://www.rabbitmq.com/resources/specs/amqp0-9-1.pdf>, 4.2, with the types that
//! <https://www.rabbitmq.com/amqp-0-9-1-errata> has.

/// How deep tables and lists may lie within each other.
const DEEPEST: usize = 16;

/// The method `basic.deliver`.
const DELIVER: [u8; 4] = [0, 60, 0, 60];

/// The size of the body that follows the properties of a message.
pub(super) fn body_size(payload: &mut [u8]) -> Option<u64> {
    // Behind class and weight.
    Fields::new(payload, 4).long_long()
}

/// Mends the properties of a message, among which is perhaps an id; `None` where they can't be read.
pub(super) fn mend_header(payload: &mut [u8], mut id: impl FnMut(&str)) -> Option<()> {
    // Class, weight and the size of the body come first.
    let mut fields = Fields::new(payload, 12);
    let flags = fields.short()?;
    for property in (2..16).rev().filter(|bit| flags & (1 << bit) != 0) {
        match property {
            13 => fields.mend_table()?,
            // Delivery mode and priority.
            12 | 11 => fields.skip(1)?,
            7 => id(fields.text()?),
            // Timestamp.
            6 => fields.skip(8)?,
            _ => fields.mend_text()?,
        }
    }
    Some(())
}

/// Mends what is said of a delivery; `None` where it can't be read.
pub(super) fn mend_method(payload: &mut [u8]) -> Option<()> {
    if !payload.starts_with(&DELIVER) {
        return Some(());
    }
    let mut fields = Fields::new(payload, DELIVER.len());
    fields.mend_text()?;
    // Its tag, and whether it was delivered before.
    fields.skip(8 + 1)?;
    // Exchange and routing key.
    fields.mend_text()?;
    fields.mend_text()
}

/// The fields of a frame, one after the other.
pub(super) struct Fields<'a> {
    bytes: &'a mut [u8],
    at: usize,
}

impl<'a> Fields<'a> {
    /// The fields from this byte on.
    pub(super) fn new(bytes: &'a mut [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    pub(super) fn skip(&mut self, count: usize) -> Option<()> {
        self.at = self.at.checked_add(count).filter(|at| *at <= self.bytes.len())?;
        Some(())
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn length(&mut self) -> Option<usize> {
        let bytes = self.bytes.get(self.at..)?.first_chunk::<4>()?;
        let length = u32::from_be_bytes(*bytes) as usize;
        self.at += 4;
        Some(length)
    }

    pub(super) fn short(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes([self.byte()?, self.byte()?]))
    }

    pub(super) fn long_long(&mut self) -> Option<u64> {
        let bytes = *self.bytes.get(self.at..)?.first_chunk()?;
        self.at += 8;
        Some(u64::from_be_bytes(bytes))
    }

    /// A short text, mended.
    pub(super) fn text(&mut self) -> Option<&str> {
        let begin = self.at + 1;
        self.mend_text()?;
        std::str::from_utf8(&self.bytes[begin..self.at]).ok()
    }

    /// A short text, in which what is not ASCII becomes `?` unless all of it is UTF-8.
    fn mend_text(&mut self) -> Option<()> {
        let length = self.byte()?.into();
        let begin = self.at;
        self.skip(length)?;
        let text = &mut self.bytes[begin..self.at];
        if std::str::from_utf8(text).is_err() {
            text.iter_mut().filter(|byte| !byte.is_ascii()).for_each(|byte| *byte = b'?');
        }
        Some(())
    }

    /// A table, in which what lies too deep becomes an array of bytes, which has a length in front as well.
    fn mend_table(&mut self) -> Option<()> {
        // Where each of those ends that were begun, and whether its values have names.
        let mut open = [(0, true); DEEPEST];
        let mut depth = 1_usize;
        let length = self.length()?;
        open[0].0 = self.at.checked_add(length).filter(|end| *end <= self.bytes.len())?;
        while let Some((end, named)) = depth.checked_sub(1).map(|last| open[last]) {
            if self.at >= end {
                depth -= 1;
                continue;
            }
            if named {
                self.mend_text()?;
            }
            let tag = self.at;
            match self.byte()? {
                b'V' => {}
                b't' | b'b' | b'B' => self.skip(1)?,
                b's' | b'U' | b'u' => self.skip(2)?,
                b'I' | b'i' | b'f' => self.skip(4)?,
                b'D' => self.skip(5)?,
                b'l' | b'L' | b'd' | b'T' => self.skip(8)?,
                b'S' | b'x' => {
                    let length = self.length()?;
                    self.skip(length)?;
                }
                kind @ (b'F' | b'A') => {
                    let length = self.length()?;
                    if depth == DEEPEST {
                        self.bytes[tag] = b'x';
                        self.skip(length)?;
                    } else {
                        open[depth] = (self.at.checked_add(length).filter(|inner| *inner <= end)?, kind == b'F');
                        depth += 1;
                    }
                }
                _ => return None,
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use lapin::types::AMQPValue;

    use super::*;

    /// Properties with these headers and a message id.
    fn properties(table: &[u8]) -> Vec<u8> {
        let mut payload = [0; 12].to_vec();
        payload.extend((1_u16 << 13 | 1 << 7).to_be_bytes());
        payload.extend((table.len() as u32).to_be_bytes());
        payload.extend(table);
        payload.extend(b"\x02id");
        payload
    }

    fn sized(tag: u8, bytes: &[u8]) -> Vec<u8> {
        [&[tag][..], &(bytes.len() as u32).to_be_bytes(), bytes].concat()
    }

    fn named(name: &[u8], value: &[u8]) -> Vec<u8> {
        [&[name.len() as u8][..], name, value].concat()
    }

    #[test]
    fn what_can_be_read_is_left_alone() {
        let mut table = Vec::new();
        for (tag, size) in [
            (b'V', 0),
            (b't', 1),
            (b'b', 1),
            (b'B', 1),
            (b's', 2),
            (b'U', 2),
            (b'u', 2),
            (b'I', 4),
            (b'i', 4),
            (b'f', 4),
            (b'D', 5),
            (b'l', 8),
            (b'L', 8),
            (b'd', 8),
            (b'T', 8),
        ] {
            table.extend(named("ä".as_bytes(), &[&[tag][..], &vec![0xff; size]].concat()));
        }
        table.extend(named(b"text", &sized(b'S', &[0xff; 20])));
        let inner = [named(b"a", &sized(b'x', &[0xff])), named(b"b", &sized(b'A', &sized(b'S', b"c")))].concat();
        table.extend(named(b"table", &sized(b'F', &inner)));
        let mut payload = properties(&table);
        assert_eq!(mend_header(&mut payload, |id| assert_eq!(id, "id")), Some(()));
        assert_eq!(payload, properties(&table));
    }

    #[test]
    fn texts_that_are_not_utf8_are_mended() {
        let mut payload = properties(&named(b"gr\xfc\xdf", &sized(b'S', b"\xfc")));
        assert_eq!(mend_header(&mut payload, |id| assert_eq!(id, "id")), Some(()));
        assert_eq!(payload, properties(&named(b"gr??", &sized(b'S', b"\xfc"))), "long texts may hold anything");

        let deliver = |key: &[u8]| [&DELIVER[..], b"\x01t\0\0\0\0\0\0\0\x01\0\x01e", &named(key, b"")].concat();
        let mut payload = deliver(b"\xff.placed");
        assert_eq!(mend_method(&mut payload), Some(()));
        assert_eq!(payload, deliver(b"?.placed"));
    }

    #[test]
    fn what_lies_too_deep_becomes_bytes() {
        let mut value = sized(b'S', b"at the bottom");
        for level in 0..20_000 {
            value = if level % 2 == 0 { sized(b'A', &value) } else { sized(b'F', &named(b"n", &value)) };
        }
        let mut payload = properties(&named(b"deep", &value));
        assert_eq!(mend_header(&mut payload, |id| assert_eq!(id, "id")), Some(()));
        let (_, table) = lapin::types::parsing::parse_field_table(&payload[14..payload.len() - 3]).expect("a table");
        let mut inner = table.inner().get("deep");
        let mut depth = 0;
        while let Some(value) = inner {
            inner = match value {
                AMQPValue::FieldArray(values) => values.as_slice().first(),
                AMQPValue::FieldTable(table) => table.inner().get("n"),
                AMQPValue::ByteArray(_) => break,
                other => panic!("{other:?} at {depth}"),
            };
            depth += 1;
        }
        assert_eq!(depth, DEEPEST - 1);
    }

    #[test]
    fn what_is_cut_off_is_no_reason_to_panic() {
        let whole = properties(&named(b"table", &sized(b'F', &named(b"a", &sized(b'S', b"text")))));
        for length in 0..whole.len() {
            assert_eq!(mend_header(&mut whole[..length].to_vec(), |_| {}), None, "{length} bytes");
        }
        // A value that says it is longer than what it lies in, and one of no known type.
        let longer = [b'F', 0, 0, 0, 9];
        assert_eq!(mend_header(&mut properties(&named(b"table", &longer)), |_| {}), None);
        assert_eq!(mend_header(&mut properties(&named(b"z", b"z")), |_| {}), None);
        assert_eq!(mend_method(&mut DELIVER.to_vec()), None);
    }
}
