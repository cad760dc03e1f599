//! Frames in a stream of bytes.

use lapin::types::ChannelId;

use super::super::confirms::{Confirms, Returned, Told};
use super::{fields, methods};

/// Type, channel and size of a frame.
const HEAD: usize = 7;
/// The byte that ends one.
const END: usize = 1;
const METHOD: u8 = 1;
const HEADER: u8 = 2;
const BODY: u8 = 3;
const HEARTBEAT: u8 = 8;
/// Beyond what any broker agrees to, so that there is no use in waiting for the whole of it.
const LARGEST: usize = 16 * 1024 * 1024;

/// A frame that says nothing but that the broker is there.
const ALIVE: [u8; HEAD + END] = [HEARTBEAT, 0, 0, 0, 0, 0, 0, 0xce];

/// Follows a stream of frames.
#[derive(Default)]
pub(super) struct Screen {
    state: State,
    confirms: Confirms,
    /// At most one of each channel.
    returning: Vec<Returning>,
}

#[derive(Debug, Default)]
enum State {
    /// A frame begins.
    #[default]
    Between,
    /// So much of a frame that need not be looked at is still to come.
    Within { left: usize, kept: bool },
    /// These are no frames, as when a broker of another version answers.
    Foreign,
}

/// A message that comes back.
struct Returning {
    channel: ChannelId,
    returned: Returned,
    /// How much of its body is still to come.
    left: u64,
}

/// What became of bytes that have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Passed {
    /// So many may go on, and lie at the front.
    pub(super) kept: usize,
    /// So many were looked at. What lies behind them is the beginning of a frame.
    pub(super) seen: usize,
}

impl Screen {
    /// Tells what is said of publishing there instead of letting it go on.
    pub(super) fn new(confirms: Confirms) -> Self {
        Self { confirms, ..Self::default() }
    }

    /// Mends what has come, which begins where the bytes that were seen before have ended.
    pub(super) fn pass(&mut self, bytes: &mut [u8]) -> Passed {
        let (mut kept, mut seen) = (0, 0);
        while seen < bytes.len() {
            let rest = &mut bytes[seen..];
            match self.state {
                State::Foreign => {
                    bytes.copy_within(seen.., kept);
                    return Passed { kept: kept + bytes.len() - seen, seen: bytes.len() };
                }
                State::Within { left, kept: keep } => {
                    let here = left.min(rest.len());
                    if keep {
                        if kept < seen {
                            bytes.copy_within(seen..seen + here, kept);
                        }
                        kept += here;
                    }
                    seen += here;
                    self.state =
                        if here == left { State::Between } else { State::Within { left: left - here, kept: keep } };
                }
                State::Between => {
                    let Some(&[kind, h, l, a, b, c, d]) = rest.first_chunk::<HEAD>() else { break };
                    let (channel, size) = (u16::from_be_bytes([h, l]), u32::from_be_bytes([a, b, c, d]) as usize);
                    let keep = match kind {
                        METHOD | HEADER if size <= LARGEST => {
                            let Some(payload) = rest.get_mut(HEAD..HEAD + size) else { break };
                            if kind == METHOD { self.method(channel, payload) } else { self.header(channel, payload) }
                        }
                        BODY => self.body(channel, size),
                        METHOD | HEADER | HEARTBEAT => true,
                        _ => {
                            self.state = State::Foreign;
                            continue;
                        }
                    };
                    self.state = State::Within { left: HEAD + size + END, kept: keep };
                }
            }
        }
        // lapin gives up a broker that it hears nothing of, and one that has other things to say sends no heartbeats.
        if kept == 0 && seen >= ALIVE.len() {
            bytes[..ALIVE.len()].copy_from_slice(&ALIVE);
            kept = ALIVE.len();
        }
        Passed { kept, seen }
    }

    fn method(&mut self, channel: ChannelId, payload: &mut [u8]) -> bool {
        match methods::read(payload) {
            Some(Told::Returned(returned)) => {
                let _ = self.coming_back(channel);
                self.returning.push(Returning { channel, returned, left: 0 });
                false
            }
            Some(told) => {
                // lapin has to answer it.
                let keep = matches!(told, Told::Closed(_));
                self.confirms.tell(channel, told);
                keep
            }
            None => {
                // What can't be read to its end stays as it is from there on, and lapin says what is wrong with it.
                let _ = fields::mend_method(payload);
                true
            }
        }
    }

    fn header(&mut self, channel: ChannelId, payload: &mut [u8]) -> bool {
        let Some(mut returning) = self.coming_back(channel) else {
            let _ = fields::mend_header(payload, |_| {});
            return true;
        };
        let _ = fields::mend_header(payload, |id| id.clone_into(&mut returning.returned.id));
        returning.left = fields::body_size(payload).unwrap_or_default();
        self.go_on(returning);
        false
    }

    fn body(&mut self, channel: ChannelId, size: usize) -> bool {
        let Some(mut returning) = self.coming_back(channel) else {
            return true;
        };
        returning.left = returning.left.saturating_sub(size as u64);
        self.go_on(returning);
        false
    }

    /// Takes what comes back there.
    fn coming_back(&mut self, channel: ChannelId) -> Option<Returning> {
        let at = self.returning.iter().position(|returning| returning.channel == channel)?;
        Some(self.returning.swap_remove(at))
    }

    /// Tells of a message once it has come back as a whole.
    fn go_on(&mut self, returning: Returning) {
        if returning.left == 0 {
            self.confirms.tell(returning.channel, Told::Returned(returning.returned));
        } else {
            self.returning.push(returning);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::confirms::{Closed, Confirmed};
    use super::*;

    fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![kind, 0, 1];
        frame.extend((payload.len() as u32).to_be_bytes());
        frame.extend(payload);
        frame.push(0xce);
        frame
    }

    /// The header frame of a message with this id and nothing else.
    fn header(id: &[u8]) -> Vec<u8> {
        let mut payload = [0; 12].to_vec();
        payload.extend((1_u16 << 7).to_be_bytes());
        payload.push(id.len() as u8);
        payload.extend(id);
        frame(HEADER, &payload)
    }

    /// `basic.return`.
    const BACK: &[u8] = b"\x00\x3c\x00\x32\x01\x38\x08NO_ROUTE\x05shop.\x06placed";

    /// What is told of it.
    fn returned(id: &str) -> Told {
        Told::Returned(Returned { exchange: "shop.".into(), routing_key: "placed".into(), id: id.into() })
    }

    /// What comes out when the bytes come in pieces of this size.
    fn through(bytes: &[u8], piece: usize) -> Vec<u8> {
        let (mut screen, mut held, mut out) = (Screen::default(), Vec::new(), Vec::new());
        for piece in bytes.chunks(piece) {
            held.extend(piece);
            let Passed { kept, seen } = screen.pass(&mut held);
            out.extend(&held[..kept]);
            held.drain(..seen);
        }
        assert!(held.is_empty(), "nothing is held back for ever");
        out
    }

    #[test]
    fn what_comes_in_pieces_is_mended_and_the_rest_is_left_alone() {
        let others = [frame(BODY, &[0xff; 300]), frame(HEARTBEAT, &[]), frame(METHOD, &[0, 60, 0, 31, 0xff])].concat();
        let come = [&*header(b"\xe4-7"), &*others, &*header(b"plain")].concat();
        let mended = [&*header(b"?-7"), &*others, &*header(b"plain")].concat();
        for piece in [1, 2, 7, 8, 9, 100, come.len()] {
            assert_eq!(through(&come, piece), mended, "in pieces of {piece}");
        }
    }

    #[test]
    fn what_is_no_frame_is_left_alone() {
        let other_version = b"AMQP\x00\x01\x00\x00 and whatever follows".to_vec();
        assert_eq!(through(&other_version, 3), other_version);
    }

    #[test]
    fn what_is_said_of_publishing_is_told_and_goes_no_further() {
        let method = |id: [u8; 4], fields: &[u8]| frame(METHOD, &[&id[..], fields].concat());
        let ack = |tag: u8, bits: u8| method([0, 60, 0, 80], &[0, 0, 0, 0, 0, 0, 0, tag, bits]);
        let nack = method([0, 60, 0, 120], &[0, 0, 0, 0, 0, 0, 0, 3, 0b10]);
        let back = frame(METHOD, BACK);
        let mut whole = header(b"m-7");
        whole[HEAD + 4 + 7] = 5;
        let body = [frame(BODY, b"abc"), frame(BODY, b"de")].concat();
        let selected = method([0, 85, 0, 11], &[]);
        let closed = method([0, 20, 0, 40], b"\x01\x94\x0aNOT_FOUND!\0\0\0\0");
        let other = header(b"plain");
        let come = [&*selected, &other, &back, &whole, &body, &ack(2, 1), &other, &nack, &back, &header(b""), &closed];
        let come = come.concat();
        for piece in [1, 7, 8, 30, come.len()] {
            let confirms = Confirms::default();
            confirms.listen(1);
            let (mut screen, mut held, mut out) = (Screen::new(confirms.clone()), Vec::new(), Vec::new());
            for piece in come.chunks(piece) {
                held.extend(piece);
                let Passed { kept, seen } = screen.pass(&mut held);
                out.extend(held[..kept].iter().copied());
                held.drain(..seen);
            }
            let mut told = Vec::new();
            confirms.take(&mut told);
            let confirmed = |tag, multiple, taken| Told::Confirmed(Confirmed { tag, multiple, taken });
            let closed_with = Told::Closed(Closed { code: 404, words: "NOT_FOUND!".into() });
            assert_eq!(
                told,
                [
                    Told::Selected,
                    returned("m-7"),
                    confirmed(2, true, true),
                    confirmed(3, false, false),
                    returned(""),
                    closed_with
                ],
                "in pieces of {piece}"
            );
            // What is left for lapin, but for the signs of life.
            let mut left = Vec::<u8>::new();
            let mut rest = &*out;
            while !rest.is_empty() {
                match rest.strip_prefix(&ALIVE) {
                    Some(behind) => rest = behind,
                    None => {
                        let size = HEAD + rest[6] as usize + END;
                        left.extend(&rest[..size]);
                        rest = &rest[size..];
                    }
                }
            }
            assert_eq!(left, [&*other, &other, &closed].concat(), "in pieces of {piece}");
        }
    }

    #[test]
    fn messages_of_two_channels_come_back_side_by_side() {
        let on = |channel: u8, mut frame: Vec<u8>| {
            frame[2] = channel;
            frame
        };
        let confirms = Confirms::default();
        confirms.listen(2);
        let whole = |channel: u8, id: &[u8]| {
            let mut header = on(channel, header(id));
            header[HEAD + 4 + 7] = 1;
            header
        };
        let back = |channel| on(channel, frame(METHOD, BACK));
        let body = |channel| on(channel, frame(BODY, b"x"));
        let mut come = [back(1), whole(1, b"a"), back(2), body(1), whole(2, b"b"), body(2)].concat();
        Screen::new(confirms.clone()).pass(&mut come);
        let mut told = Vec::new();
        confirms.take(&mut told);
        assert_eq!(told, [returned("b")]);
    }

    #[test]
    fn who_hears_only_of_publishing_still_hears_that_the_broker_lives() {
        let mut ack = frame(METHOD, &[0, 60, 0, 80, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
        let passed = Screen::default().pass(&mut ack);
        assert_eq!((passed, &ack[..passed.kept]), (Passed { kept: ALIVE.len(), seen: ack.len() }, &ALIVE[..]));
    }
}
