//! What the broker says of what was published, in the order in which it said it.
//!
//! lapin gives a returned message to whichever confirmation it completes next, completes those of one frame in no order, and keeps two
//! promises and a place in a map for each message that is on its way. So the [screen](super::screen) takes out of the stream what is said of
//! publishing, and the [publisher](super::publisher) reads it here.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lapin::types::ChannelId;
use tokio::sync::Notify;

/// What the broker says of what was published over a channel.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// It confirms what comes from now on.
    Selected,
    /// It has taken responsibility for messages, or has not.
    Confirmed(Confirmed),
    /// No queue took this message. Its confirmation is still to come.
    Returned(Returned),
    /// It has closed the channel.
    Closed(Closed),
}

/// Which messages the broker has taken responsibility for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Confirmed {
    /// The messages of a channel are numbered from 1 in the order in which they were sent.
    pub(super) tag: u64,
    /// Whether all up to that number are meant that were not confirmed before; with 0, all.
    pub(super) multiple: bool,
    /// Whether it has.
    pub(super) taken: bool,
}

/// What is known of a message that no queue took. Two messages that agree in this share their fate, as the broker routes them alike.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Returned {
    pub(super) exchange: String,
    pub(super) routing_key: String,
    pub(super) id: String,
}

/// Why the broker has closed a channel.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Closed {
    pub(super) code: u16,
    pub(super) words: String,
}

impl Closed {
    /// Whether it is about what was sent over the channel, and no fault of the broker's own: the codes of channel exceptions of the
    /// specification, and 311 and 313.
    pub(super) fn is_refusal(&self) -> bool {
        matches!(self.code, 311 | 313 | 403..=406)
    }
}

/// The place where it is told, and where one channel of a connection is listened to.
#[derive(Clone, Default)]
pub(super) struct Confirms(Arc<Shared>);

#[derive(Default)]
struct Shared {
    heard: Mutex<Heard>,
    news: Notify,
}

#[derive(Default)]
struct Heard {
    channel: Option<ChannelId>,
    told: Vec<Told>,
}

impl Confirms {
    /// Listens to this channel from now on, and to no other.
    pub(super) fn listen(&self, channel: ChannelId) {
        *self.lock() = Heard { channel: Some(channel), told: Vec::new() };
    }

    /// Tells whoever listens to this channel.
    pub(super) fn tell(&self, channel: ChannelId, told: Told) {
        let mut heard = self.lock();
        if heard.channel != Some(channel) {
            return;
        }
        heard.told.push(told);
        let first = heard.told.len() == 1;
        drop(heard);
        if first {
            self.0.news.notify_one();
        }
    }

    /// Takes what was told since the last call, without waiting. `told` is empty, and its memory is used for what comes.
    pub(super) fn take(&self, told: &mut Vec<Told>) {
        std::mem::swap(&mut self.lock().told, told);
    }

    /// Waits until there may be something to [take](Self::take).
    pub(super) async fn news(&self) {
        self.0.news.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, Heard> {
        self.0.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn closed(code: u16) -> Closed {
        Closed { code, words: "over".to_owned() }
    }

    #[test]
    fn only_what_is_about_a_message_refuses_it() {
        assert!([403, 404, 405, 406, 313].map(closed).iter().all(Closed::is_refusal));
        assert!(![200, 320, 504, 541].map(closed).iter().any(Closed::is_refusal));
    }

    #[test]
    fn only_the_channel_is_heard_that_is_listened_to() {
        let (confirms, mut told) = (Confirms::default(), Vec::new());
        confirms.tell(1, Told::Selected);
        confirms.listen(1);
        assert!(confirms.news().now_or_never().is_none());
        confirms.tell(2, Told::Selected);
        confirms.tell(1, Told::Selected);
        confirms.tell(1, Told::Closed(closed(404)));
        assert!(confirms.news().now_or_never().is_some());
        confirms.take(&mut told);
        assert_eq!(told, [Told::Selected, Told::Closed(closed(404))]);
        confirms.listen(2);
        told.clear();
        confirms.take(&mut told);
        assert!(told.is_empty());
    }
}
