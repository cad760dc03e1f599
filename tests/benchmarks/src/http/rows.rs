//! From samples to rows.

use super::rounds::{BARE, HAND_WIRED_1, HAND_WIRED_100, Measured, OURS_1, OURS_100, Sample};
use crate::report::Row;
use crate::statistics::{median, median_bounds};

/// The rows that the rounds give.
pub const MEASURED_IN_ROUNDS: [&str; 4] = ["added-1pct", "added-100pct", "rss-after-load", "first-answer"];

/// The rows of all rounds. Each added cost is the median of the differences to bare axum *in the same round*; its goal is
/// met when the upper 95 % bound of that median is within it. `reference` is what bare axum costs itself.
pub fn of(measured: &Measured) -> Vec<Row> {
    vec![
        added(measured, MEASURED_IN_ROUNDS[0], OURS_1, HAND_WIRED_1, 2.0),
        added(measured, MEASURED_IN_ROUNDS[1], OURS_100, HAND_WIRED_100, 5.0),
        plain(measured, MEASURED_IN_ROUNDS[2], "MB", OURS_1, 12.0, |sample| sample.memory),
        plain(measured, MEASURED_IN_ROUNDS[3], "ms", OURS_1, 15.0, |sample| sample.first_answer),
    ]
}

fn added(measured: &Measured, name: &'static str, ours: &str, hand_wired: &str, goal: f64) -> Row {
    let differences = differences(measured, ours);
    let (low, high) = median_bounds(&differences);
    let rate =
        median(&column(measured, ours, |sample| sample.rate)) / median(&column(measured, BARE, |sample| sample.rate));
    let mut note = format!("95 %: {low:.2} to {high:.2}; {rate:.2} of bare axum's requests/s");
    if measured.contains_key(hand_wired) {
        note.push_str(&format!("; wired by hand {:.2}", median(&self::differences(measured, hand_wired))));
    }
    let reference = median(&column(measured, BARE, |sample| sample.cost));
    Row::new(name, "µs CPU/request", median(&differences), reference).at_most(goal, high).note(note)
}

fn plain(
    measured: &Measured,
    name: &'static str,
    unit: &'static str,
    ours: &str,
    goal: f64,
    of: fn(&Sample) -> f64,
) -> Row {
    let values = column(measured, ours, of);
    let (low, high) = median_bounds(&values);
    Row::new(name, unit, median(&values), median(&column(measured, BARE, of)))
        .at_most(goal, high)
        .note(format!("95 %: {low:.1} to {high:.1}"))
}

fn column(measured: &Measured, name: &str, of: impl Fn(&Sample) -> f64) -> Vec<f64> {
    measured.get(name).into_iter().flatten().map(of).collect()
}

fn differences(measured: &Measured, ours: &str) -> Vec<f64> {
    let (bare, ours) = (column(measured, BARE, |sample| sample.cost), column(measured, ours, |sample| sample.cost));
    ours.iter().zip(bare).map(|(ours, bare)| ours - bare).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_added_is_compared_within_each_round() {
        let sample = |cost| Sample { cost, rate: 1.0, memory: 5.0, first_answer: 10.0 };
        let measured = Measured::from([
            // The machine was slow in the second round, for both.
            (BARE, vec![sample(10.0), sample(20.0), sample(10.0)]),
            (OURS_1, vec![sample(11.0), sample(22.0), sample(11.5)]),
            (OURS_100, vec![sample(20.0), sample(30.0), sample(20.0)]),
        ]);
        let rows = of(&measured);
        assert_eq!((rows[0].ours, rows[0].reference, rows[0].met), (1.5, 10.0, Some(true)));
        assert_eq!((rows[1].ours, rows[1].met), (10.0, Some(false)));
        assert_eq!((rows[2].name, rows[2].ratio, rows[2].met), ("rss-after-load", 1.0, Some(true)));
    }
}
