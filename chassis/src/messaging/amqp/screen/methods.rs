//! What the broker says of publishing: <https://www.rabbitmq.com/resources/specs/amqp-xml-doc0-9-1.pdf>, with `confirm.select` and
//! `basic.nack`, which <https://www.rabbitmq.com/docs/confirms> adds.

use super::super::confirms::{Closed, Confirmed, Returned, Told};
use super::fields::Fields;

const CHANNEL_CLOSE: [u8; 4] = [0, 20, 0, 40];
const BASIC_RETURN: [u8; 4] = [0, 60, 0, 50];
const BASIC_ACK: [u8; 4] = [0, 60, 0, 80];
const BASIC_NACK: [u8; 4] = [0, 60, 0, 120];
const CONFIRM_SELECT_OK: [u8; 4] = [0, 85, 0, 11];

/// What a method says of publishing; `None` for all others. What it returns has its id in the frame that follows.
pub(super) fn read(payload: &mut [u8]) -> Option<Told> {
    let method = *payload.first_chunk::<4>()?;
    let mut fields = Fields::new(payload, method.len());
    match method {
        CONFIRM_SELECT_OK => Some(Told::Selected),
        BASIC_ACK | BASIC_NACK => {
            let (tag, bits) = (fields.long_long()?, fields.byte()?);
            Some(Told::Confirmed(Confirmed { tag, multiple: bits & 1 == 1, taken: method == BASIC_ACK }))
        }
        BASIC_RETURN => {
            // Code and words.
            fields.skip(2)?;
            fields.text()?;
            let (exchange, routing_key) = (fields.text()?.to_owned(), fields.text()?.to_owned());
            Some(Told::Returned(Returned { exchange, routing_key, id: String::new() }))
        }
        CHANNEL_CLOSE => {
            let code = fields.short()?;
            Some(Told::Closed(Closed { code, words: fields.text()?.to_owned() }))
        }
        _ => None,
    }
}
