//! Which delivery tags are settled, and which acknowledgements may stand for several.

use std::collections::BTreeSet;

/// The settled tags of one channel. Tags count from one, without gaps.
#[derive(Default)]
pub(super) struct Ledger {
    /// All up to here are settled.
    base: u64,
    /// Settled beyond.
    beyond: BTreeSet<u64>,
}

/// Acknowledgements to send.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Acks {
    /// Everything up to here at once.
    pub(super) up_to: Option<u64>,
    /// One at a time, since something before them is still being worked on.
    pub(super) single: Vec<u64>,
}

impl Ledger {
    /// Takes note of a tag that was settled other than by an acknowledgement.
    pub(super) fn note(&mut self, tag: u64) {
        self.beyond.insert(tag);
    }

    /// Takes note of acknowledged tags and says how to tell the broker.
    ///
    /// What stands for several must not include a delivery that is still being worked on, so it reaches only as far as
    /// everything before is settled. What lies beyond is not held back either: with its prefetch full of finished work
    /// a consumer would wait for its slowest handler.
    pub(super) fn acknowledge(&mut self, tags: &[u64]) -> Acks {
        self.beyond.extend(tags);
        while self.beyond.first() == Some(&(self.base + 1)) {
            self.base += 1;
            self.beyond.pop_first();
        }
        let up_to = tags.iter().copied().filter(|tag| *tag <= self.base).max();
        let mut single: Vec<u64> = tags.iter().copied().filter(|tag| *tag > self.base).collect();
        single.sort_unstable();
        Acks { up_to, single }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_run_from_the_start_is_acknowledged_at_once() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.acknowledge(&[2, 1, 3]), Acks { up_to: Some(3), single: vec![] });
        assert_eq!(ledger.acknowledge(&[4]), Acks { up_to: Some(4), single: vec![] });
    }

    #[test]
    fn what_lies_beyond_unfinished_work_goes_singly() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.acknowledge(&[3, 2]), Acks { up_to: None, single: vec![2, 3] });
        assert_eq!(ledger.acknowledge(&[1, 5]), Acks { up_to: Some(1), single: vec![5] });
    }

    #[test]
    fn a_rejected_delivery_closes_a_gap() {
        let mut ledger = Ledger::default();
        ledger.note(1);
        assert_eq!(ledger.acknowledge(&[2]), Acks { up_to: Some(2), single: vec![] });
    }

    proptest! {
        /// Whatever the order and the batches, each tag is acknowledged once and none before it is settled.
        #[test]
        fn every_tag_is_acknowledged_once_and_none_early(
            order in Just((1..=60_u64).collect::<Vec<_>>()).prop_shuffle(),
            batch in 1..9_usize,
        ) {
            let mut ledger = Ledger::default();
            let (mut settled, mut told) = (BTreeSet::new(), BTreeSet::new());
            for tags in order.chunks(batch) {
                settled.extend(tags);
                let acks = ledger.acknowledge(tags);
                for tag in &acks.single {
                    prop_assert!(told.insert(*tag));
                }
                if let Some(up_to) = acks.up_to {
                    prop_assert!(!told.contains(&up_to));
                    told.extend(1..=up_to);
                }
                prop_assert_eq!(&told, &settled);
            }
        }
    }
}
