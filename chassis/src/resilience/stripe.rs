//! What keeps threads out of each other's way in memory.
//!
//! A number that two processors add to moves between their caches with every call, which takes longer than the rest of what a policy does.
//! So what every call adds to is kept in stripes, one for each processor, and is only summed up where somebody wants to know.

use std::cell::Cell;
use std::num::NonZeroUsize;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// More stripes would make sums slow, and threads that share one are no worse off than all were with one for all.
const MOST: usize = 16;

/// In cache lines of its own: two, as processors fetch them in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct Apart<T>(pub(super) T);

/// How many stripes there are: a power of two.
pub(super) fn stripes() -> usize {
    static STRIPES: OnceLock<usize> = OnceLock::new();
    *STRIPES.get_or_init(|| {
        let processors = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        processors.next_power_of_two().min(MOST)
    })
}

/// The calling thread's stripe, as a number of which the lowest bits count.
#[inline]
pub(super) fn mine() -> usize {
    const UNKNOWN: usize = usize::MAX;
    thread_local! {
        static MINE: Cell<usize> = const { Cell::new(UNKNOWN) };
    }

    #[cold]
    fn next() -> usize {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let next = NEXT.fetch_add(1, Relaxed) % MOST;
        MINE.set(next);
        next
    }

    match MINE.get() {
        UNKNOWN => next(),
        mine => mine,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_keeps_its_stripe_and_the_next_has_another() {
        assert!(stripes().is_power_of_two());
        let stripe_of_another = || std::thread::spawn(|| [mine(), mine()]).join().expect("no panic");
        let threads: Vec<[usize; 2]> = (0..4 * MOST).map(|_| stripe_of_another()).collect();
        assert!(threads.iter().all(|[first, again]| first == again && *first < MOST), "{threads:?}");
        let different: std::collections::BTreeSet<usize> = threads.iter().map(|[first, _]| *first).collect();
        assert_eq!(different.len(), MOST);
    }
}
