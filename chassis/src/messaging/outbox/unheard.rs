//! Which kinds of event nobody hears, and what becomes of them: every decision, without a clock or a broker.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::verdict;

/// The longest pause between two attempts to find a hearer, who must not wait for long once he is there.
const LONGEST: Duration = Duration::from_secs(5);
/// Of how many kinds it is remembered that nobody hears them; what comes on top is dropped at once.
const KINDS: usize = 1_000;

/// Exchange and routing key, as the database joins them.
pub(super) type Route = String;

/// The kinds of event that nobody hears, for all workers of a relay.
///
/// Who has no queue bound yet misses an event, and at the start of a system that may be a consumer that comes up a moment
/// later than the publisher. So an event of a kind that nobody hears is kept, and with it all of that kind, while one of
/// them at a time is sent to find out whether somebody hears them by now. That goes on for `patience`; from then on
/// the kind counts as one that is meant for nobody, and what is published of it is dropped, until it is heard.
#[derive(Debug)]
pub(super) struct Unheard {
    patience: Duration,
    first_pause: Duration,
    kinds: Mutex<HashMap<Route, Kind>>,
    /// How many there are, so that it costs next to nothing where all is heard.
    count: AtomicUsize,
}

#[derive(Debug)]
enum Kind {
    /// It is kept.
    Kept {
        since: Instant,
        failures: u32,
        /// When the next may be sent; `None` while one is on its way.
        next: Option<Instant>,
    },
    /// It is dropped.
    GivenUp,
}

/// What becomes of an event that nobody hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It waits. The flag says that it is the first of its kind.
    Kept { first: bool },
    /// It is dropped. The flag says that it is the first of its kind.
    Dropped { first: bool },
}

/// Exchange and routing key in one.
pub(super) fn route(exchange: &str, routing_key: &str) -> Route {
    format!("{exchange} {routing_key}")
}

impl Unheard {
    pub(super) fn new(patience: Duration, first_pause: Duration) -> Self {
        Self { patience, first_pause, kinds: Mutex::default(), count: AtomicUsize::new(0) }
    }

    /// Whether an event of that kind may be sent now. Of a kind that is kept one may, when it is time, and it is then
    /// the only one until it is known what became of it.
    pub(super) fn may_send(&self, route: &Route, now: Instant) -> bool {
        if self.is_empty() {
            return true;
        }
        match self.kinds().get_mut(route) {
            Some(Kind::Kept { next, .. }) if next.is_some_and(|next| next <= now) => {
                *next = None;
                true
            }
            Some(Kind::Kept { .. }) => false,
            Some(Kind::GivenUp) | None => true,
        }
    }

    /// An event of that kind was heard. Says whether others of it have been kept, which may go now.
    pub(super) fn heard(&self, route: &Route) -> bool {
        if self.is_empty() {
            return false;
        }
        let mut kinds = self.kinds();
        let before = kinds.remove(route);
        self.count.store(kinds.len(), Ordering::Release);
        matches!(before, Some(Kind::Kept { .. }))
    }

    /// Nobody hears an event of that kind, or not all who must. It may be kept `for_ever`.
    pub(super) fn unheard(&self, route: &Route, now: Instant, for_ever: bool) -> Fate {
        let mut kinds = self.kinds();
        if kinds.len() >= KINDS && !kinds.contains_key(route) && !for_ever {
            return Fate::Dropped { first: false };
        }
        let mut first = false;
        let kind = kinds.entry(route.clone()).or_insert_with(|| {
            first = true;
            Kind::Kept { since: now, failures: 0, next: None }
        });
        let fate = match kind {
            Kind::Kept { since, .. } if !for_ever && now.duration_since(*since) >= self.patience => {
                *kind = Kind::GivenUp;
                Fate::Dropped { first: true }
            }
            Kind::Kept { failures, next, .. } => {
                *failures = failures.saturating_add(1);
                *next = Some(now + verdict::pause(*failures, self.first_pause, LONGEST.max(self.first_pause)));
                Fate::Kept { first }
            }
            Kind::GivenUp => Fate::Dropped { first: false },
        };
        self.count.store(kinds.len(), Ordering::Release);
        fate
    }

    /// The event that was sent to find out has not come so far; another one may try.
    pub(super) fn unknown(&self, route: &Route, now: Instant) {
        if self.is_empty() {
            return;
        }
        if let Some(Kind::Kept { next: next @ None, .. }) = self.kinds().get_mut(route) {
            *next = Some(now);
        }
    }

    /// The kinds that are kept, of those that may not be sent at `now`.
    pub(super) fn waiting(&self, now: Instant) -> Vec<Route> {
        self.routes(|kind| matches!(kind, Kind::Kept { next, .. } if next.is_none_or(|next| next > now)))
    }

    /// The kinds that are kept.
    pub(super) fn kept(&self) -> Vec<Route> {
        self.routes(|kind| matches!(kind, Kind::Kept { .. }))
    }

    fn routes(&self, wanted: impl Fn(&Kind) -> bool) -> Vec<Route> {
        if self.is_empty() {
            return Vec::new();
        }
        self.kinds().iter().filter(|(_, kind)| wanted(kind)).map(|(route, _)| route.clone()).collect()
    }

    fn is_empty(&self) -> bool {
        self.count.load(Ordering::Acquire) == 0
    }

    fn kinds(&self) -> MutexGuard<'_, HashMap<Route, Kind>> {
        self.kinds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(600);

    fn unheard() -> (Unheard, Route, Instant) {
        (Unheard::new(PATIENCE, Duration::from_secs(1)), route("orders.events", "order.placed.v1"), Instant::now())
    }

    #[test]
    fn of_a_kind_that_is_kept_one_at_a_time_finds_out() {
        let (unheard, placed, now) = unheard();
        assert!(unheard.may_send(&placed, now) && unheard.may_send(&placed, now), "nothing is known against it");
        assert_eq!(unheard.unheard(&placed, now, false), Fate::Kept { first: true });
        assert!(!unheard.may_send(&placed, now));
        assert_eq!(unheard.waiting(now), std::slice::from_ref(&placed));
        let later = now + Duration::from_secs(1);
        assert!(unheard.waiting(later).is_empty());
        assert!(unheard.may_send(&placed, later));
        assert!(!unheard.may_send(&placed, later), "one is on its way");
        assert_eq!(unheard.unheard(&placed, later, false), Fate::Kept { first: false });
        assert!(unheard.may_send(&route("orders.events", "order.paid.v1"), later), "others are not held up");
    }

    #[test]
    fn what_is_heard_sets_the_others_free() {
        let (unheard, placed, now) = unheard();
        unheard.unheard(&placed, now, false);
        assert!(unheard.heard(&placed));
        assert!(unheard.may_send(&placed, now));
        assert!(!unheard.heard(&placed), "nothing is kept any more");
    }

    #[test]
    fn patience_ends_once_and_is_had_again_after_it_was_heard() {
        let (unheard, placed, now) = unheard();
        unheard.unheard(&placed, now, false);
        let late = now + PATIENCE;
        assert_eq!(unheard.unheard(&placed, late, false), Fate::Dropped { first: true });
        assert_eq!(unheard.unheard(&placed, late, false), Fate::Dropped { first: false });
        assert!(unheard.may_send(&placed, late) && unheard.kept().is_empty());
        assert!(!unheard.heard(&placed));
        assert_eq!(unheard.unheard(&placed, late, false), Fate::Kept { first: true });
    }

    #[test]
    fn patience_for_those_who_must_hear_has_no_end() {
        let (unheard, placed, now) = unheard();
        assert_eq!(unheard.unheard(&placed, now, true), Fate::Kept { first: true });
        assert_eq!(unheard.unheard(&placed, now + PATIENCE, true), Fate::Kept { first: false });
    }

    #[test]
    fn an_attempt_that_found_out_nothing_is_made_again() {
        let (unheard, placed, now) = unheard();
        unheard.unheard(&placed, now, false);
        let later = now + Duration::from_secs(1);
        assert!(unheard.may_send(&placed, later));
        unheard.unknown(&placed, later);
        assert!(unheard.may_send(&placed, later));
    }
}
