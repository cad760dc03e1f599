//! Who must be there before events of a kind are sent.
//!
//! Where several services hear an event, one that is up makes it routable, and another that has never run yet would miss it. So
//! a kind may name the queues that must be read: what is published of it is kept until they all have been, once.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::state::Awaited;
use crate::config::nearest;
use crate::messaging::driver::{BrowseError, Driver, PublishError};

/// By how many letters a misspelt name differs at most from the one that is meant.
const SLIP: usize = 2;

/// The queues that must be read, by the type of event. Clones are the same.
#[derive(Clone, Default)]
pub(super) struct Hearers {
    wanted: Arc<BTreeMap<String, Vec<String>>>,
    seen: Arc<Mutex<Seen>>,
}

/// What was found out so far.
#[derive(Default)]
struct Seen {
    /// Queues that were found to be read. They stay when their readers go.
    there: HashSet<String>,
    /// Queues that events wait for, and since when.
    awaited: BTreeMap<String, (Instant, Awaited)>,
    /// Types that nobody is waited for, as far as they were published.
    others: HashSet<String>,
}

impl Hearers {
    pub(super) fn new(wanted: BTreeMap<String, Vec<String>>) -> Self {
        Self { wanted: Arc::new(wanted), seen: Arc::default() }
    }

    /// Whether events of this type are kept for somebody, however long it takes.
    pub(super) fn wants(&self, kind: &str) -> bool {
        self.wanted.get(kind).is_some_and(|queues| !queues.is_empty())
    }

    /// Fails, as if nobody were there, as long as one who must hear an event is not.
    ///
    /// A queue that exists may not be bound yet; one that is read is, since its reader has bound it before.
    pub(super) async fn all_there(&self, driver: &dyn Driver, exchange: &str, kind: &str) -> Result<(), PublishError> {
        let Some(wanted) = self.wanted.get(kind) else {
            self.look_for_misspelt(kind);
            return Ok(());
        };
        for queue in self.missing(wanted) {
            match driver.consumers(&queue).await {
                Ok(1..) | Err(BrowseError::Unsupported) => {
                    let mut seen = self.seen();
                    seen.awaited.remove(&queue);
                    seen.there.insert(queue);
                }
                Err(BrowseError::NotConnected(cause)) => return Err(PublishError::NotConnected(cause)),
                absent @ (Ok(0) | Err(_)) => {
                    self.awaits(kind, queue, absent.err(), driver);
                    let (exchange, routing_key) = (exchange.to_owned(), kind.to_owned());
                    return Err(PublishError::Unroutable { exchange, routing_key });
                }
            }
        }
        Ok(())
    }

    /// The queues that events have been waiting for since `before` or longer.
    pub(super) fn awaited_since(&self, before: Instant) -> Vec<Awaited> {
        let seen = self.seen();
        seen.awaited.values().filter(|(since, _)| *since <= before).map(|(_, awaited)| awaited.clone()).collect()
    }

    /// Notes that events wait for a queue, and says so if it is the first time or for another reason than before.
    fn awaits(&self, kind: &str, queue: String, error: Option<BrowseError>, driver: &dyn Driver) {
        let missing = matches!(error, Some(BrowseError::NoQueue(_)));
        let near = if missing { self.probably_meant(&queue, driver) } else { None };
        let awaited = Awaited { kind: kind.to_owned(), queue, missing, near };
        let mut seen = self.seen();
        let before = seen.awaited.get(&awaited.queue).cloned();
        if before.as_ref().is_none_or(|(_, before)| *before != awaited) {
            tracing::warn!("{awaited}");
        }
        let since = before.map_or_else(Instant::now, |(since, _)| since);
        seen.awaited.insert(awaited.queue.clone(), (since, awaited));
    }

    /// The queue that was meant by the name of one that does not exist. Queues of one service are alike, so that only a slip of the pen
    /// counts, and none that is waited for itself.
    fn probably_meant(&self, queue: &str, driver: &dyn Driver) -> Option<String> {
        let known = driver.known_queues();
        let others = known.iter().filter(|known| !self.wanted.values().flatten().any(|wanted| wanted == *known));
        let near = nearest(queue, others.map(String::as_str))?;
        (strsim::damerau_levenshtein(queue, near) <= SLIP).then(|| near.to_owned())
    }

    /// Says of a type that is published and not named here if a name stands here of which it is a near miss: it would keep nothing.
    fn look_for_misspelt(&self, kind: &str) {
        if self.wanted.is_empty() || !self.seen().others.insert(kind.to_owned()) {
            return;
        }
        if let Some(near) = nearest(kind, self.wanted.keys().map(String::as_str)) {
            tracing::warn!(
                "`{kind}` is published, but `outbox.hearers` names `{near}`: is it misspelt there? Nobody is waited for"
            );
        }
    }

    /// Those who were not there so far.
    fn missing(&self, wanted: &[String]) -> Vec<String> {
        let seen = self.seen();
        wanted.iter().filter(|queue| !seen.there.contains(*queue)).cloned().collect()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
