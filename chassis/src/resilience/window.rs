//! Counts over a sliding window, in buckets: to count and to sum up costs the same however many calls there were.

use super::stripe::{Apart, mine, stripes};
use crate::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// How many buckets a window is cut into: it slides in steps of a tenth.
pub(super) const BUCKETS: u64 = 10;
/// A power of two, so that a bucket is found without a division. Those that are not in the window are idle.
const SLOTS: usize = 16;

/// A cell holds the tick of its bucket above its count, so that both change in one step: no lock, and a cell left over from
/// an earlier round is known by its stamp.
const COUNT_BITS: u32 = 36;
const COUNT: u64 = (1 << COUNT_BITS) - 1;
const STAMP: u64 = u64::MAX >> COUNT_BITS;

/// `N` counts over the last [`BUCKETS`] ticks, the current one included. What a tick is, is the caller's to say.
///
/// A stamp comes round again after 2^28 ticks: three days of the shortest ticks there are (1 ms), eight years of those of a
/// second. Only counts that were never touched in exactly that time could be mistaken.
#[derive(Debug)]
pub(super) struct Window<const N: usize> {
    stripes: Box<[Apart<Stripe<N>>]>,
}

/// What the threads of one processor have counted.
#[derive(Debug)]
struct Stripe<const N: usize>([[AtomicU64; N]; SLOTS]);

impl<const N: usize> Default for Stripe<N> {
    fn default() -> Self {
        Self(std::array::from_fn(|_| std::array::from_fn(|_| AtomicU64::new(0))))
    }
}

impl<const N: usize> Default for Window<N> {
    fn default() -> Self {
        Self { stripes: (0..stripes()).map(|_| Apart::default()).collect() }
    }
}

impl<const N: usize> Window<N> {
    /// Counts one.
    ///
    /// Somebody whose clock is a little behind counts into the bucket that has taken the place of his.
    pub(super) fn add(&self, tick: u64, which: usize) {
        let Some(Apart(Stripe(slots))) = self.stripes.get(mine() & (self.stripes.len() - 1)) else { return };
        let Some(cell) = slots[tick as usize % SLOTS].get(which) else { return };
        // Where another processor has it, a cell that is added to first and looked at then is fetched once, not twice.
        let seen = cell.fetch_add(1, Relaxed);
        if seen >> COUNT_BITS != tick & STAMP {
            renew(cell, seen.wrapping_add(1), tick);
        }
    }

    /// All counts of the window that ends with `tick`.
    pub(super) fn sums(&self, tick: u64) -> [u64; N] {
        self.sums_of(tick, [BUCKETS; N])
    }

    /// The same, of so many buckets of each count; at most as many as there are slots.
    pub(super) fn sums_of(&self, tick: u64, buckets: [u64; N]) -> [u64; N] {
        let mut sums = [0; N];
        for cells in self.slots() {
            for ((sum, cell), buckets) in sums.iter_mut().zip(cells).zip(buckets) {
                let cell = cell.load(Relaxed);
                let stamp = cell >> COUNT_BITS;
                let age = (tick & STAMP).wrapping_sub(stamp) & STAMP;
                if age < buckets || is_ahead(stamp, tick) {
                    *sum += cell & COUNT;
                }
            }
        }
        sums
    }

    /// Forgets everything. What is counted at the same moment may be forgotten or not.
    pub(super) fn clear(&self) {
        self.slots().flatten().for_each(|cell| cell.store(0, Relaxed));
    }

    fn slots(&self) -> impl Iterator<Item = &[AtomicU64; N]> {
        self.stripes.iter().flat_map(|Apart(Stripe(slots))| slots)
    }
}

/// Begins a cell anew for its tick with the one that was counted into the bucket before, unless somebody is ahead and that one
/// counts there. Of several who do so at once one begins, and the others count into what he began.
#[cold]
fn renew(cell: &AtomicU64, mut seen: u64, tick: u64) {
    let stamp = tick & STAMP;
    if is_ahead(seen >> COUNT_BITS, tick) {
        return;
    }
    while let Err(now) = cell.compare_exchange_weak(seen, stamp << COUNT_BITS | 1, Relaxed, Relaxed) {
        if now >> COUNT_BITS == stamp || is_ahead(now >> COUNT_BITS, tick) {
            cell.fetch_add(1, Relaxed);
            return;
        }
        seen = now;
    }
}

/// Whether a stamp is of a tick shortly after this one: clocks of two threads differ by little.
fn is_ahead(stamp: u64, tick: u64) -> bool {
    let ahead = stamp.wrapping_sub(tick & STAMP) & STAMP;
    (1..=2 * SLOTS as u64).contains(&ahead)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_has_left_the_window_does_not_count() {
        let window = Window::<2>::default();
        window.add(100, 0);
        window.add(101, 1);
        assert_eq!(window.sums(101), [1, 1]);
        assert_eq!(window.sums(109), [1, 1]);
        assert_eq!(window.sums(110), [0, 1]);
        assert_eq!(window.sums(111), [0, 0]);
    }

    #[test]
    fn a_slow_clock_counts_into_the_present() {
        let window = Window::<1>::default();
        window.add(16, 0);
        window.add(0, 0);
        assert_eq!(window.sums(16), [2]);
        assert_eq!(window.sums(15), [2], "and sees it");
    }

    #[test]
    fn a_long_rest_leaves_nothing() {
        for rest in [BUCKETS, 1 << 27, (1 << 27) + 5, (1 << 28) - 100, 1 << 40] {
            let window = Window::<1>::default();
            window.add(3, 0);
            assert_eq!(window.sums(3 + rest), [u64::from((3 + rest) & STAMP == 3)], "{rest}");
            window.add(3 + rest, 0);
            window.add(3 + rest, 0);
        }
    }

    #[test]
    fn threads_lose_nothing() {
        let window = Window::<1>::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..10_000).for_each(|n| window.add(50 + n / 2_000, 0)));
            }
        });
        assert_eq!(window.sums(54), [40_000]);
    }

    proptest! {
        #[test]
        fn agrees_with_a_list_of_all_calls(steps in prop::collection::vec((0u64..25, 0usize..3), 0..200)) {
            let window = Window::<3>::default();
            let (mut tick, mut calls) = (0, Vec::new());
            for (step, which) in steps {
                // Mostly no time passes between two calls.
                tick += step.saturating_sub(15);
                window.add(tick, which);
                calls.push((tick, which));
                let counted = |which| calls.iter().filter(|call| call.1 == which && tick - call.0 < BUCKETS).count() as u64;
                prop_assert_eq!(window.sums(tick), [counted(0), counted(1), counted(2)]);
            }
        }
    }
}
