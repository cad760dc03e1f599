#[path = "../../../chassis/src/messaging/amqp/publisher/progress.rs"]
mod progress;

use std::sync::Arc;

use loom::thread;

use self::progress::{Progress, Stage};

/// The actor sends a message while its sender gives it up: what was said to be unsent is not sent.
pub fn what_is_said_to_be_unsent_is_not_sent() {
    let progress = Arc::new(Progress::default());
    let actor = {
        let progress = Arc::clone(&progress);
        thread::spawn(move || progress.send())
    };
    let said = progress.give_up();
    let sent = actor.join().expect("no panic");
    assert_eq!(sent, said == Stage::Sent);
}

/// The same when the connection is lost after it was sent.
pub fn what_was_lost_is_never_said_to_be_unsent() {
    let progress = Arc::new(Progress::default());
    assert!(progress.send());
    let actor = {
        let progress = Arc::clone(&progress);
        thread::spawn(move || {
            progress.lose();
            assert!(progress.send());
        })
    };
    assert_ne!(progress.give_up(), Stage::Waiting);
    actor.join().expect("no panic");
}
