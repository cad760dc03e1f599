//! Which rows of a partition may be sent now: every decision about order, without a clock, a database or a broker.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use tokio::time::Instant;

use super::row::Row;

/// What is sent one after the other: the rows of one key, or a row without a key by itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Lane {
    Key(Arc<str>),
    Row(i64),
}

impl Lane {
    pub(super) fn of(row: &Row) -> Self {
        row.ordering_key.clone().map_or(Self::Row(row.seq), Self::Key)
    }
}

/// A lane whose first row has failed.
#[derive(Debug)]
struct Failing {
    rest: Rest,
    /// How often its row has failed for good, one after the other.
    permanent: u32,
}

/// When a lane that has failed may be tried again.
#[derive(Debug)]
enum Rest {
    /// Not while its row is being parked, or its failure noted.
    Noting,
    Until(Instant),
    /// When the database gives its row again, which knows by when.
    Noted,
}

impl Failing {
    fn rests(&self, now: Instant) -> bool {
        match self.rest {
            Rest::Noting => true,
            Rest::Until(until) => until > now,
            Rest::Noted => false,
        }
    }
}

/// What to ask the database for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) limit: usize,
    pub(super) held: Vec<i64>,
    pub(super) blocked: Vec<Arc<str>>,
}

/// The rows of a partition that have been read, in lanes.
///
/// At most one row of a lane is on its way at a time. A row counts as held from reading to deletion, so that it isn't read
/// twice.
#[derive(Debug)]
pub(super) struct Lanes {
    capacity: usize,
    /// The lanes with a row on its way, each with the rows behind it.
    active: HashMap<Lane, VecDeque<Row>>,
    held: HashSet<i64>,
    failing: HashMap<Lane, Failing>,
    /// Lanes that gave rows back while a read was under way: what it brings of them may lack the rows given back.
    disturbed: HashSet<Lane>,
}

impl Lanes {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            active: HashMap::new(),
            held: HashSet::new(),
            failing: HashMap::new(),
            disturbed: HashSet::new(),
        }
    }

    /// How many rows are on their way.
    pub(super) fn sending(&self) -> usize {
        self.active.len()
    }

    /// Whether it is worth reading: at least half of what may be held is free.
    pub(super) fn has_room(&self) -> bool {
        self.held.len() <= self.capacity / 2
    }

    /// A read begins.
    pub(super) fn wanted(&mut self, now: Instant) -> Wanted {
        self.disturbed.clear();
        let limit = self.capacity.saturating_sub(self.held.len());
        let (mut held, mut blocked): (Vec<_>, Vec<_>) = (self.held.iter().copied().collect(), Vec::new());
        for (lane, _) in self.failing.iter().filter(|(_, failing)| failing.rests(now)) {
            match lane {
                Lane::Key(key) => blocked.push(key.clone()),
                // What is noted of it is on its way to the database.
                Lane::Row(seq) => held.push(*seq),
            }
        }
        Wanted { limit, held, blocked }
    }

    /// Takes in what was read, in its order, and gives what is to be sent now. The flag says
    /// whether it has to be read anew, since lanes changed in the meantime.
    pub(super) fn admit(&mut self, rows: Vec<Row>, now: Instant) -> (Vec<(Lane, Row)>, bool) {
        let (mut ready, mut disturbed) = (Vec::new(), false);
        for row in rows {
            let lane = Lane::of(&row);
            if self.is_blocked(&lane, now) {
                // It is read again when it may be tried again.
            } else if self.disturbed.contains(&lane) {
                disturbed = true;
            } else if self.held.insert(row.seq) {
                match self.active.get_mut(&lane) {
                    Some(behind) => behind.push_back(row),
                    None => {
                        self.active.insert(lane.clone(), VecDeque::new());
                        ready.push((lane, row));
                    }
                }
            }
        }
        (ready, disturbed)
    }

    /// The row that was on its way is done with. Gives the next one of its lane; the row itself stays held.
    pub(super) fn done(&mut self, lane: &Lane) -> Option<Row> {
        self.failing.remove(lane);
        let next = self.active.get_mut(lane)?.pop_front();
        if next.is_none() {
            self.active.remove(lane);
        }
        next
    }

    /// The row on its way comes back unsent, and with it those behind it; they will be read again.
    pub(super) fn give_back(&mut self, lane: &Lane, seq: i64) {
        self.held.remove(&seq);
        for row in self.active.remove(lane).into_iter().flatten() {
            self.held.remove(&row.seq);
        }
        self.disturbed.insert(lane.clone());
    }

    /// The same, but the lane is left alone until [`retry_at`](Self::retry_at) says for how long.
    pub(super) fn block(&mut self, lane: &Lane, seq: i64, permanent: bool) {
        self.give_back(lane, seq);
        let before = self.permanent_failures(lane);
        let permanent = if permanent { before + 1 } else { 0 };
        self.failing.insert(lane.clone(), Failing { rest: Rest::Noting, permanent });
    }

    /// What was read behind the row on its way is read again in its time.
    pub(super) fn give_back_behind(&mut self, lane: &Lane) {
        for row in self.active.get_mut(lane).map(std::mem::take).into_iter().flatten() {
            self.held.remove(&row.seq);
        }
        self.disturbed.insert(lane.clone());
    }

    /// A lane that was blocked may be tried again at `until`. A row without a key rests in the database, where it has been noted
    /// by now: of what a queue that is full refuses, which may be all there is, nothing is kept here.
    pub(super) fn retry_at(&mut self, lane: &Lane, until: Instant) {
        match lane {
            Lane::Row(_) if self.permanent_failures(lane) == 0 => drop(self.failing.remove(lane)),
            _ => {
                if let Some(failing) = self.failing.get_mut(lane) {
                    failing.rest = if matches!(lane, Lane::Key(_)) { Rest::Until(until) } else { Rest::Noted };
                }
            }
        }
    }

    /// The row on its way is to be parked: its lane waits until that is done.
    pub(super) fn hold_for_parking(&mut self, lane: &Lane, seq: i64) {
        self.give_back(lane, seq);
        self.failing.insert(lane.clone(), Failing { rest: Rest::Noting, permanent: 0 });
    }

    /// The lane's first row was parked, so the next one may go.
    pub(super) fn parked(&mut self, lane: &Lane) {
        self.failing.remove(lane);
        self.disturbed.insert(lane.clone());
    }

    /// How often the lane's first row has failed for good so far.
    pub(super) fn permanent_failures(&self, lane: &Lane) -> u32 {
        self.failing.get(lane).map_or(0, |failing| failing.permanent)
    }

    /// These rows are gone from the database.
    pub(super) fn deleted(&mut self, rows: &[i64]) {
        for seq in rows {
            self.held.remove(seq);
        }
    }

    /// When the next lane may be tried again.
    pub(super) fn next_retry(&self, now: Instant) -> Option<Instant> {
        let until = |failing: &Failing| match failing.rest {
            Rest::Until(until) if until > now => Some(until),
            _ => None,
        };
        self.failing.values().filter_map(until).min()
    }

    fn is_blocked(&self, lane: &Lane, now: Instant) -> bool {
        self.failing.get(lane).is_some_and(|failing| failing.rests(now))
    }
}

#[cfg(test)]
mod tests;
