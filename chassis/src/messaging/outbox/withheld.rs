//! Which routes are sent no more than one message at a time, to find out, and what becomes of the others: every decision, without
//! a clock or a broker.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::verdict;

/// The longest pause between two attempts to find out, since nobody must wait for long once it goes well.
const LONGEST: Duration = Duration::from_secs(5);
/// Of how many routes it is remembered; what comes on top is dropped at once.
const ROUTES: usize = 1_000;

/// Exchange and routing key, as the database joins them.
pub(super) type Route = String;

/// The routes with which something is wrong, for all workers of a relay.
///
/// What is to go there is kept, while one message at a time is sent to find out whether it goes well by now. That goes on for
/// `patience`; from then on what fails is dropped, until something goes well.
///
/// There are two of them: of the events that nobody hears, and of the routes for which no confirmation comes. Who has no queue
/// bound yet misses an event, and at the start of a system that may be a consumer that comes up a moment later than the publisher; an
/// event that nobody hears for long is meant for nobody.
#[derive(Debug)]
pub(super) struct Withheld {
    patience: Duration,
    first_pause: Duration,
    /// After what time it is no longer waited for what became of the message that was sent to find out.
    longest_flight: Duration,
    routes: Mutex<HashMap<Route, Standing>>,
    /// How many there are, so that it costs next to nothing where all goes well.
    count: AtomicUsize,
}

#[derive(Debug)]
enum Standing {
    /// What is to go there is kept.
    Kept {
        since: Instant,
        failures: u32,
        /// When the next may be sent.
        next: Instant,
        /// Whether one is on its way.
        probing: bool,
    },
    /// What fails is dropped.
    GivenUp,
}

/// Whether a message may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leave {
    /// Like any other.
    Open,
    /// As the only one of its route.
    ToFindOut,
    /// Not now.
    Withheld,
}

/// What becomes of a message that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It waits. The flag says that it is the first of its route.
    Kept { first: bool },
    /// It is dropped. The flag says that it is the first of its route.
    Dropped { first: bool },
}

/// Exchange and routing key in one.
pub(super) fn route(exchange: &str, routing_key: &str) -> Route {
    format!("{exchange} {routing_key}")
}

impl Withheld {
    pub(super) fn new(patience: Duration, first_pause: Duration, longest_flight: Duration) -> Self {
        Self { patience, first_pause, longest_flight, routes: Mutex::default(), count: AtomicUsize::new(0) }
    }

    /// Whether a message may be sent there now. Of a route that is withheld one may, when it is time, and it is then the
    /// only one until it is known what became of it.
    pub(super) fn may_send(&self, route: &Route, now: Instant) -> Leave {
        if self.is_empty() {
            return Leave::Open;
        }
        match self.routes().get_mut(route) {
            Some(Standing::Kept { next, probing, .. }) if *next <= now => {
                // Its worker may end before it knows.
                (*next, *probing) = (now + self.longest_flight, true);
                Leave::ToFindOut
            }
            Some(Standing::Kept { .. }) => Leave::Withheld,
            Some(Standing::GivenUp) | None => Leave::Open,
        }
    }

    /// Whether messages to that route are kept.
    pub(super) fn keeps(&self, route: &Route) -> bool {
        !self.is_empty() && matches!(self.routes().get(route), Some(Standing::Kept { .. }))
    }

    /// Forgets the routes of which messages are kept, as there are none any more.
    pub(super) fn forget_kept(&self) {
        let mut routes = self.routes();
        routes.retain(|_, standing| matches!(standing, Standing::GivenUp));
        self.count.store(routes.len(), Ordering::Release);
    }

    /// A message went well. Says whether others of its route have been kept, which may go now.
    pub(super) fn succeeded(&self, route: &Route) -> bool {
        if self.is_empty() {
            return false;
        }
        let mut routes = self.routes();
        let before = routes.remove(route);
        self.count.store(routes.len(), Ordering::Release);
        matches!(before, Some(Standing::Kept { .. }))
    }

    /// A message did not go well. It may be kept `for_ever`.
    pub(super) fn failed(&self, route: &Route, now: Instant, for_ever: bool) -> Fate {
        let mut routes = self.routes();
        if routes.len() >= ROUTES && !routes.contains_key(route) && !for_ever {
            return Fate::Dropped { first: false };
        }
        let mut first = false;
        let standing = routes.entry(route.clone()).or_insert_with(|| {
            first = true;
            Standing::Kept { since: now, failures: 0, next: now, probing: false }
        });
        let fate = match standing {
            Standing::Kept { since, .. } if !for_ever && now.duration_since(*since) >= self.patience => {
                *standing = Standing::GivenUp;
                Fate::Dropped { first: true }
            }
            // What was sent with others that have failed already says nothing new.
            Standing::Kept { next, probing: false, .. } if *next > now => Fate::Kept { first },
            Standing::Kept { failures, next, probing, .. } => {
                *failures = failures.saturating_add(1);
                *next = now + verdict::pause(*failures, self.first_pause, LONGEST.max(self.first_pause));
                *probing = false;
                Fate::Kept { first }
            }
            Standing::GivenUp => Fate::Dropped { first: false },
        };
        self.count.store(routes.len(), Ordering::Release);
        fate
    }

    /// The message that was sent to find out did not come so far; another one may try.
    pub(super) fn unknown(&self, route: &Route, now: Instant) {
        if self.is_empty() {
            return;
        }
        if let Some(Standing::Kept { next, probing: probing @ true, .. }) = self.routes().get_mut(route) {
            (*next, *probing) = (now, false);
        }
    }

    /// The routes of which nothing may be sent at `now`.
    pub(super) fn waiting(&self, now: Instant) -> Vec<Route> {
        self.select(|standing| matches!(standing, Standing::Kept { next, .. } if *next > now))
    }

    /// The routes of which messages are kept.
    pub(super) fn kept(&self) -> Vec<Route> {
        self.select(|standing| matches!(standing, Standing::Kept { .. }))
    }

    fn select(&self, wanted: impl Fn(&Standing) -> bool) -> Vec<Route> {
        if self.is_empty() {
            return Vec::new();
        }
        self.routes().iter().filter(|(_, standing)| wanted(standing)).map(|(route, _)| route.clone()).collect()
    }

    fn is_empty(&self) -> bool {
        self.count.load(Ordering::Acquire) == 0
    }

    fn routes(&self) -> MutexGuard<'_, HashMap<Route, Standing>> {
        self.routes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(600);

    const FLIGHT: Duration = Duration::from_secs(30);

    fn withheld() -> (Withheld, Route, Instant) {
        let withheld = Withheld::new(PATIENCE, Duration::from_secs(1), FLIGHT);
        (withheld, route("orders.events", "order.placed.v1"), Instant::now())
    }

    #[test]
    fn of_a_route_that_is_withheld_one_at_a_time_finds_out() {
        let (withheld, placed, now) = withheld();
        assert_eq!([(); 2].map(|()| withheld.may_send(&placed, now)), [Leave::Open; 2], "nothing is known against it");
        assert_eq!(withheld.failed(&placed, now, false), Fate::Kept { first: true });
        assert_eq!(withheld.may_send(&placed, now), Leave::Withheld);
        assert_eq!(withheld.waiting(now), std::slice::from_ref(&placed));
        let later = now + Duration::from_secs(1);
        assert!(withheld.waiting(later).is_empty());
        assert_eq!(withheld.may_send(&placed, later), Leave::ToFindOut);
        assert_eq!(withheld.may_send(&placed, later), Leave::Withheld, "one is on its way");
        assert_eq!(withheld.failed(&placed, later, false), Fate::Kept { first: false });
        assert_eq!(
            withheld.may_send(&route("orders.events", "order.paid.v1"), later),
            Leave::Open,
            "others are not held up"
        );
    }

    #[test]
    fn what_fails_together_is_one_failure() {
        let (withheld, placed, now) = withheld();
        for _ in 0..256 {
            withheld.failed(&placed, now, false);
        }
        assert_eq!(withheld.may_send(&placed, now + Duration::from_secs(1)), Leave::ToFindOut);
    }

    #[test]
    fn what_goes_well_sets_the_others_free() {
        let (withheld, placed, now) = withheld();
        withheld.failed(&placed, now, false);
        assert!(withheld.succeeded(&placed));
        assert_eq!(withheld.may_send(&placed, now), Leave::Open);
        assert!(!withheld.succeeded(&placed), "nothing is kept any more");
    }

    #[test]
    fn patience_ends_once_and_is_had_again_after_something_went_well() {
        let (withheld, placed, now) = withheld();
        withheld.failed(&placed, now, false);
        let late = now + PATIENCE;
        assert_eq!(withheld.failed(&placed, late, false), Fate::Dropped { first: true });
        assert_eq!(withheld.failed(&placed, late, false), Fate::Dropped { first: false });
        assert_eq!((withheld.may_send(&placed, late), withheld.kept()), (Leave::Open, vec![]));
        assert!(!withheld.succeeded(&placed));
        assert_eq!(withheld.failed(&placed, late, false), Fate::Kept { first: true });
    }

    #[test]
    fn patience_for_those_who_must_hear_has_no_end() {
        let (withheld, placed, now) = withheld();
        assert_eq!(withheld.failed(&placed, now, true), Fate::Kept { first: true });
        assert_eq!(withheld.failed(&placed, now + PATIENCE, true), Fate::Kept { first: false });
    }

    #[test]
    fn an_attempt_that_found_out_nothing_is_made_again() {
        let (withheld, placed, now) = withheld();
        withheld.failed(&placed, now, false);
        let later = now + Duration::from_secs(1);
        assert_eq!(withheld.may_send(&placed, later), Leave::ToFindOut);
        withheld.unknown(&placed, later);
        assert_eq!(withheld.may_send(&placed, later), Leave::ToFindOut);
    }

    #[test]
    fn what_is_never_heard_of_again_holds_up_its_route_for_no_longer_than_a_flight() {
        let (withheld, placed, now) = withheld();
        withheld.failed(&placed, now, false);
        let later = now + Duration::from_secs(1);
        assert_eq!(withheld.may_send(&placed, later), Leave::ToFindOut);
        assert_eq!(withheld.waiting(later), std::slice::from_ref(&placed));
        assert_eq!(withheld.may_send(&placed, later + FLIGHT - Duration::from_millis(1)), Leave::Withheld);
        assert_eq!(withheld.may_send(&placed, later + FLIGHT), Leave::ToFindOut);
    }

    #[test]
    fn what_is_kept_is_forgotten_and_what_was_given_up_is_not() {
        let (withheld, placed, now) = withheld();
        let paid = route("orders.events", "order.paid.v1");
        withheld.failed(&paid, now, false);
        withheld.failed(&paid, now + PATIENCE, false);
        withheld.failed(&placed, now, false);
        assert!(withheld.keeps(&placed));
        withheld.forget_kept();
        assert!(!withheld.keeps(&placed) && withheld.kept().is_empty());
        assert_eq!(withheld.failed(&paid, now + PATIENCE, false), Fate::Dropped { first: false });
    }
}
