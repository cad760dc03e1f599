//! Which confirmation is whose.
//!
//! The broker returns an unroutable message before it confirms it, but lapin attaches the returned message to whichever
//! confirmation it completes next. So a confirmation alone proves nothing: returned messages are matched by what they are,
//! and a message is pronounced stored only when every confirmation that could carry its return has been looked at.

use std::collections::{HashMap, HashSet};

use lapin::Confirmation;
use lapin::types::ShortString;

use crate::messaging::driver::Outgoing;

/// Two messages that agree in this share their fate, as the broker routes them alike.
type Key = (ShortString, ShortString, ShortString);

/// The confirmations of one round, held back until the round is over.
#[derive(Default)]
pub(super) struct Verdicts {
    acked: Vec<u64>,
    nacked: Vec<u64>,
    returned: HashMap<Key, usize>,
}

impl Verdicts {
    /// Takes note of the confirmation that came for the message of that number, and of the message that rides on it.
    pub(super) fn note(&mut self, number: u64, confirmation: Confirmation) {
        let returned = match confirmation {
            Confirmation::Nack(returned) => {
                self.nacked.push(number);
                returned
            }
            Confirmation::Ack(returned) => {
                self.acked.push(number);
                returned
            }
            // The channel is always in confirm mode.
            Confirmation::NotRequested => return,
        };
        if let Some(returned) = returned {
            let id = returned.properties.message_id().clone().unwrap_or_else(empty);
            let key = (id, returned.exchange.clone(), returned.routing_key.clone());
            *self.returned.entry(key).or_default() += 1;
        }
    }

    /// The messages that were confirmed since the last call.
    ///
    /// Among them are mandatory ones only when no confirmation that completed before theirs is left unnoted.
    pub(super) fn acked(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.acked)
    }

    /// The messages that were refused since the last call.
    pub(super) fn nacked(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.nacked)
    }

    /// The numbers of all messages that [`acked`](Self::acked) and [`nacked`](Self::nacked) would give.
    pub(super) fn noted(&self) -> impl Iterator<Item = u64> {
        self.acked.iter().chain(&self.nacked).copied()
    }

    /// Whether a confirmed message came back for want of a queue.
    pub(super) fn was_returned(&mut self, outgoing: &Outgoing) -> bool {
        if !outgoing.mandatory || self.returned.is_empty() {
            return false;
        }
        let key = key(outgoing);
        let Some(count) = self.returned.get_mut(&key) else {
            return false;
        };
        *count -= 1;
        if *count == 0 {
            self.returned.remove(&key);
        }
        true
    }

    /// How many messages came back since the last call that needed no queue. Those of a mandatory one that is still
    /// `on_the_way` are left for it.
    pub(super) fn unheard<'a>(&mut self, on_the_way: impl Iterator<Item = &'a Outgoing>) -> u64 {
        if self.returned.is_empty() {
            return 0;
        }
        let awaited: HashSet<Key> = on_the_way.filter(|outgoing| outgoing.mandatory).map(key).collect();
        let unheard = self.returned.extract_if(|key, _| !awaited.contains(key));
        unheard.map(|(_, count)| count as u64).sum()
    }
}

fn key(outgoing: &Outgoing) -> Key {
    let short = |text: &str| ShortString::try_new(text).unwrap_or_else(|_| empty());
    (short(&outgoing.message.id), short(&outgoing.exchange), short(&outgoing.routing_key))
}

fn empty() -> ShortString {
    ShortString::default()
}
