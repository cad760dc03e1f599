use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn row(seq: i64, key: Option<&str>) -> Row {
    Row { seq, ordering_key: key.map(Into::into), attempts: 0, expired: false, letter: Err(String::new()) }
}

fn key(key: &str) -> Lane {
    Lane::Key(key.into())
}

fn seqs(ready: &[(Lane, Row)]) -> Vec<i64> {
    ready.iter().map(|(_, row)| row.seq).collect()
}

#[test]
fn one_row_of_a_key_at_a_time_and_all_without_a_key() {
    let mut lanes = Lanes::new(10);
    let now = Instant::now();
    let rows = vec![row(1, Some("a")), row(2, Some("a")), row(3, Some("b")), row(4, None), row(5, None)];
    let (ready, _) = lanes.admit(rows, now);
    assert_eq!(seqs(&ready), [1, 3, 4, 5]);
    assert_eq!(lanes.done(&key("a")).map(|row| row.seq), Some(2));
    assert!(lanes.done(&key("a")).is_none());
    assert_eq!(lanes.sending(), 3);
}

#[test]
fn what_is_sent_is_held_until_it_is_deleted() {
    let mut lanes = Lanes::new(4);
    let now = Instant::now();
    lanes.admit(vec![row(1, None)], now);
    lanes.done(&Lane::Row(1));
    assert_eq!(lanes.wanted(now), Wanted { limit: 3, held: vec![1], blocked: vec![] });
    lanes.deleted(&[1]);
    assert_eq!(lanes.wanted(now), Wanted { limit: 4, held: vec![], blocked: vec![] });
}

#[test]
fn a_failed_key_blocks_only_itself_and_only_for_a_while() {
    let mut lanes = Lanes::new(10);
    let now = Instant::now();
    let later = now + Duration::from_secs(1);
    lanes.admit(vec![row(1, Some("a")), row(2, Some("a")), row(3, Some("b"))], now);
    lanes.block(&key("a"), 1, true);
    lanes.retry_at(&key("a"), later);
    assert_eq!(lanes.wanted(now), Wanted { limit: 9, held: vec![3], blocked: vec!["a".into()] });
    assert_eq!(lanes.next_retry(now), Some(later));
    assert_eq!(lanes.wanted(later).blocked, Vec::<Arc<str>>::new());
    let (ready, disturbed) = lanes.admit(vec![row(1, Some("a")), row(2, Some("a"))], later);
    assert_eq!((seqs(&ready), disturbed), (vec![1], false));
}

#[test]
fn of_a_failed_row_without_a_key_nothing_is_kept_once_it_is_noted() {
    let mut lanes = Lanes::new(10);
    let now = Instant::now();
    lanes.admit(vec![row(1, None)], now);
    lanes.block(&Lane::Row(1), 1, false);
    assert_eq!(lanes.wanted(now), Wanted { limit: 10, held: vec![1], blocked: vec![] });
    lanes.retry_at(&Lane::Row(1), now + Duration::from_secs(1));
    assert_eq!(lanes.wanted(now), Wanted { limit: 10, held: vec![], blocked: vec![] });
    assert!(lanes.failing.is_empty() && lanes.next_retry(now).is_none(), "it rests in the database");
    assert_eq!(seqs(&lanes.admit(vec![row(1, None)], now).0), [1], "which gives it again in its time");
}

#[test]
fn what_is_behind_a_row_that_may_take_its_time_gives_up_its_place() {
    let mut lanes = Lanes::new(4);
    let now = Instant::now();
    lanes.admit(vec![row(1, Some("a")), row(2, Some("a")), row(3, Some("a"))], now);
    assert!(!lanes.has_room());
    lanes.wanted(now);
    lanes.give_back_behind(&key("a"));
    assert!(lanes.has_room() && lanes.sending() == 1);
    let (ready, disturbed) = lanes.admit(vec![row(2, Some("a")), row(4, None)], now);
    assert_eq!((seqs(&ready), disturbed), (vec![4], true), "what was read before is read anew");
    assert!(lanes.done(&key("a")).is_none());
}

#[test]
fn failures_for_good_are_counted_without_a_key_too() {
    let mut lanes = Lanes::new(10);
    let (now, lane) = (Instant::now(), Lane::Row(1));
    for expected in 1..4 {
        lanes.wanted(now);
        assert_eq!(seqs(&lanes.admit(vec![row(1, None)], now).0), [1]);
        lanes.block(&lane, 1, true);
        lanes.retry_at(&lane, now + Duration::from_secs(1));
        assert_eq!(lanes.permanent_failures(&lane), expected);
    }
    lanes.wanted(now);
    lanes.admit(vec![row(1, None)], now);
    lanes.done(&lane);
    assert!(lanes.failing.is_empty());
}

#[test]
fn what_was_read_before_a_row_came_back_is_read_anew() {
    let mut lanes = Lanes::new(10);
    let now = Instant::now();
    lanes.admit(vec![row(1, Some("a"))], now);
    lanes.wanted(now);
    lanes.give_back(&key("a"), 1);
    let (ready, disturbed) = lanes.admit(vec![row(2, Some("a")), row(3, Some("b"))], now);
    assert_eq!((seqs(&ready), disturbed), (vec![3], true));
}

#[test]
fn failures_for_good_are_counted_until_one_is_of_another_kind() {
    let mut lanes = Lanes::new(10);
    let now = Instant::now();
    for expected in 1..4 {
        lanes.block(&key("a"), 1, true);
        lanes.retry_at(&key("a"), now);
        assert_eq!(lanes.permanent_failures(&key("a")), expected);
    }
    lanes.block(&key("a"), 1, false);
    lanes.retry_at(&key("a"), now);
    assert_eq!(lanes.permanent_failures(&key("a")), 0);
}

#[test]
fn the_next_row_waits_until_the_one_before_is_parked() {
    let mut lanes = Lanes::new(10);
    let now = Instant::now();
    lanes.admit(vec![row(1, Some("a")), row(2, Some("a"))], now);
    lanes.hold_for_parking(&key("a"), 1);
    assert_eq!(lanes.wanted(now).blocked, ["a".into()]);
    lanes.parked(&key("a"));
    assert_eq!(lanes.wanted(now).blocked, Vec::<Arc<str>>::new());
}

/// What may happen to the row on its way of the nth lane that has one.
#[derive(Debug, Clone)]
enum Event {
    Read,
    Done(usize),
    GiveBack(usize),
    Block(usize),
    DeleteAll,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => Just(Event::Read),
        5 => (0..8usize).prop_map(Event::Done),
        1 => (0..8usize).prop_map(Event::GiveBack),
        1 => (0..8usize).prop_map(Event::Block),
        2 => Just(Event::DeleteAll),
    ]
}

proptest! {
    /// Whatever happens in whatever order, with a read under way or not: rows of a key are done in their order.
    #[test]
    fn the_order_within_a_key_holds(events in prop::collection::vec((event(), any::<bool>()), 0..200)) {
        let keys = ["a", "b", "c"];
        let mut table: Vec<Row> = (0..30).map(|seq| row(seq, Some(keys[seq as usize % 3]))).collect();
        let (mut lanes, mut now) = (Lanes::new(6), Instant::now());
        let (mut sending, mut confirmed, mut done) = (Vec::<(Lane, Row)>::new(), Vec::new(), Vec::<Row>::new());
        let mut under_way: Option<Vec<Row>> = None;
        for (event, answer) in events {
            now += Duration::from_millis(1);
            match event {
                Event::Read if under_way.is_none() => {
                    let wanted = lanes.wanted(now);
                    let free = |row: &&Row| {
                        !wanted.held.contains(&row.seq) && !wanted.blocked.contains(row.ordering_key.as_ref().unwrap())
                    };
                    under_way = Some(table.iter().filter(free).take(wanted.limit).cloned().collect());
                }
                Event::Done(index) if !sending.is_empty() => {
                    let (lane, row) = sending.swap_remove(index % sending.len());
                    confirmed.push(row.seq);
                    done.push(row);
                    sending.extend(lanes.done(&lane).map(|next| (lane, next)));
                }
                Event::GiveBack(index) if !sending.is_empty() => {
                    let (lane, row) = sending.swap_remove(index % sending.len());
                    lanes.give_back(&lane, row.seq);
                }
                Event::Block(index) if !sending.is_empty() => {
                    let (lane, row) = sending.swap_remove(index % sending.len());
                    lanes.block(&lane, row.seq, false);
                    lanes.retry_at(&lane, now + Duration::from_millis(3));
                }
                Event::DeleteAll => {
                    table.retain(|row| !confirmed.contains(&row.seq));
                    lanes.deleted(&std::mem::take(&mut confirmed));
                }
                _ => {}
            }
            if answer && let Some(rows) = under_way.take() {
                sending.extend(lanes.admit(rows, now).0);
            }
        }
        for key in keys {
            let of_key: Vec<i64> =
                done.iter().filter(|row| row.ordering_key.as_deref() == Some(key)).map(|row| row.seq).collect();
            prop_assert!(of_key.is_sorted() && of_key.windows(2).all(|pair| pair[0] != pair[1]), "{key}: {of_key:?}");
        }
    }
}
