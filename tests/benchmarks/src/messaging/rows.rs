//! From samples to rows.

use super::rounds::{Measured, Sample};
use crate::report::Row;
use crate::statistics::{median, median_bounds};

const OURS: &str = "chassis";

/// The rows of all rounds. Each ratio is the median of those within the rounds.
pub fn of(measured: &Measured) -> Vec<Row> {
    let throughput = [
        ("publish-1000", "lapin", Some(0.95)),
        ("publish-1000-amqplib", "amqplib", Some(1.0)),
        ("publish-1000-pika", "pika", None),
        ("publish-100", "lapin", Some(0.95)),
        ("publish-100-amqplib", "amqplib", Some(1.0)),
        ("publish-100-pika", "pika", None),
        ("consume-100", "lapin", Some(0.95)),
        ("consume-100-amqplib", "amqplib", Some(1.0)),
        ("consume-100-pika", "pika", None),
    ];
    let mut rows: Vec<Row> = throughput
        .into_iter()
        .filter_map(|(name, reference, goal)| {
            let measure = name.strip_suffix(&format!("-{reference}")).unwrap_or(name);
            let (ours, theirs) = (samples(measured, measure, OURS)?, samples(measured, measure, reference)?);
            let row = compared(name, "messages/s", ours, theirs);
            let beside = |samples: &[Sample]| median(&samples.iter().map(|sample| sample.beside).collect::<Vec<_>>());
            let note = format!("{}; µs CPU/message {:.1} to {:.1}", row.note, beside(ours), beside(theirs));
            let row = row.note(note);
            let ratio = row.ratio;
            Some(match goal {
                Some(goal) => row.at_least(goal, ratio),
                None => row,
            })
        })
        .collect();
    rows.extend(latency(measured));
    rows.extend(["relay-postgres", "relay-sqlite"].into_iter().filter_map(|name| relay(measured, name)));
    rows
}

fn samples<'a>(measured: &'a Measured, row: &'static str, program: &'static str) -> Option<&'a [Sample]> {
    measured.get(&(row, program)).map(Vec::as_slice)
}

fn compared(name: &'static str, unit: &'static str, ours: &[Sample], theirs: &[Sample]) -> Row {
    let ratios: Vec<f64> = ours.iter().zip(theirs).map(|(ours, theirs)| ours.value / theirs.value).collect();
    let value = |samples: &[Sample]| median(&samples.iter().map(|sample| sample.value).collect::<Vec<_>>());
    let (low, high) = median_bounds(&ratios);
    let note = format!("95 %: {low:.2} to {high:.2}");
    Row::new(name, unit, value(ours), value(theirs)).ratio(median(&ratios)).note(note)
}

fn latency(measured: &Measured) -> Option<Row> {
    let name = "latency-p50";
    let (ours, theirs) = (samples(measured, name, OURS)?, samples(measured, name, "lapin")?);
    let row = compared(name, "µs", ours, theirs);
    let p99 = |samples: &[Sample]| median(&samples.iter().map(|sample| sample.beside).collect::<Vec<_>>());
    let note = format!("{}; p99 {:.0} to {:.0}", row.note, p99(ours), p99(theirs));
    let ratio = row.ratio;
    Some(row.at_most(1.2, ratio).note(note))
}

/// Compared to what is published without an outbox, where that was measured in the same run.
fn relay(measured: &Measured, name: &'static str) -> Option<Row> {
    let (rows, published) = (samples(measured, name, OURS)?, samples(measured, "publish-1000", OURS)?);
    let row = compared(name, "rows/s", rows, published);
    let ratio = row.ratio;
    Some(row.at_least(0.4, ratio))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_counts_is_the_ratio_within_each_round() {
        let samples = |values: [f64; 3]| values.map(|value| Sample { value, beside: 10.0 }).to_vec();
        let measured = Measured::from([
            // The machine was slow in the second round, for all.
            (("publish-1000", OURS), samples([20.0, 10.0, 20.0])),
            (("publish-1000", "lapin"), samples([20.0, 10.0, 25.0])),
            (("publish-1000", "amqplib"), samples([25.0, 12.0, 25.0])),
            (("relay-sqlite", OURS), samples([10.0, 5.0, 4.0])),
            (("latency-p50", OURS), samples([130.0, 130.0, 130.0])),
            (("latency-p50", "lapin"), samples([100.0, 100.0, 100.0])),
        ]);
        let rows = of(&measured);
        let told: Vec<_> = rows.iter().map(|row| (row.name, row.ratio, row.met)).collect();
        let expected = [
            ("publish-1000", 1.0, Some(true)),
            ("publish-1000-amqplib", 0.8, Some(false)),
            ("latency-p50", 1.3, Some(false)),
            ("relay-sqlite", 0.5, Some(true)),
        ];
        assert_eq!(told, expected);
    }
}
