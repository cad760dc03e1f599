//! Frames in a stream of bytes.

use super::fields;

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

/// Follows a stream of frames.
#[derive(Debug, Default)]
pub(super) struct Screen(State);

#[derive(Debug, Default)]
enum State {
    /// A frame begins.
    #[default]
    Between,
    /// So much of a frame that need not be looked at is still to come.
    Within(usize),
    /// These are no frames, as when a broker of another version answers.
    Foreign,
}

impl Screen {
    /// Mends what has come, which begins where the bytes that were passed before have ended; says how many of them may go on.
    pub(super) fn pass(&mut self, bytes: &mut [u8]) -> usize {
        let mut passed = 0;
        while passed < bytes.len() {
            let rest = &mut bytes[passed..];
            match self.0 {
                State::Foreign => return bytes.len(),
                State::Within(left) => {
                    let here = left.min(rest.len());
                    passed += here;
                    self.0 = if here == left { State::Between } else { State::Within(left - here) };
                }
                State::Between => {
                    let Some(&[kind, _, _, a, b, c, d]) = rest.first_chunk::<HEAD>() else { break };
                    let size = u32::from_be_bytes([a, b, c, d]) as usize;
                    match kind {
                        METHOD | HEADER if size <= LARGEST => {
                            let Some(payload) = rest.get_mut(HEAD..HEAD + size) else { break };
                            // What can't be read to its end stays as it is from there on, and lapin says what is wrong with it.
                            let _ = if kind == HEADER {
                                fields::mend_header(payload)
                            } else {
                                fields::mend_method(payload)
                            };
                            self.0 = State::Within(HEAD + size + END);
                        }
                        METHOD | HEADER | BODY | HEARTBEAT => self.0 = State::Within(HEAD + size + END),
                        _ => self.0 = State::Foreign,
                    }
                }
            }
        }
        passed
    }
}

#[cfg(test)]
mod tests {
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

    /// What comes out when the bytes come in pieces of this size.
    fn through(bytes: &[u8], piece: usize) -> Vec<u8> {
        let (mut screen, mut held, mut out) = (Screen::default(), Vec::new(), Vec::new());
        for piece in bytes.chunks(piece) {
            held.extend(piece);
            let passed = screen.pass(&mut held);
            out.extend(held.drain(..passed));
        }
        assert!(held.is_empty(), "nothing is held back for ever");
        out
    }

    #[test]
    fn what_comes_in_pieces_is_mended_and_the_rest_is_left_alone() {
        let others = [frame(BODY, &[0xff; 300]), frame(HEARTBEAT, &[]), frame(METHOD, &[0, 60, 0, 80, 0xff])].concat();
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
}
