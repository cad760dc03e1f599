use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use super::{Counter, Gauge, Histogram, Name};

/// What an instrument is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// One instrument of a family.
#[derive(Debug, Clone)]
pub(crate) enum Instrument {
    Counter(Counter),
    Gauge(Gauge),
    Histogram(Histogram),
}

/// Sorted by name.
pub(crate) type Labels = Vec<(&'static str, String)>;

/// All instruments of one name.
#[derive(Debug)]
pub(crate) struct Family {
    pub(crate) name: Name,
    pub(crate) kind: Kind,
    pub(crate) help: &'static str,
    pub(crate) series: BTreeMap<Labels, Instrument>,
}

/// Whoever labels with unbounded values must not eat the memory: beyond this many, a family counts in one last series.
const SERIES_LIMIT: usize = 2000;
const OVERFLOW: &str = "otel.metric.overflow";

type Families = BTreeMap<&'static str, Family>;

static REGISTRY: LazyLock<Mutex<Families>> = LazyLock::new(Mutex::default);

fn families() -> MutexGuard<'static, Families> {
    REGISTRY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Shows every family, in the order of their names.
pub(crate) fn visit(mut show: impl FnMut(&Family)) {
    for family in families().values() {
        show(family);
    }
}

pub(super) fn counter(name: Name, help: &'static str, labels: &[(&'static str, &str)]) -> Counter {
    let make = || Instrument::Counter(Counter::default());
    match resolve(name, Kind::Counter, help, labels, make) {
        Instrument::Counter(counter) => counter,
        _ => Counter::default(),
    }
}

pub(super) fn gauge(name: Name, help: &'static str, labels: &[(&'static str, &str)]) -> Gauge {
    let make = || Instrument::Gauge(Gauge::default());
    match resolve(name, Kind::Gauge, help, labels, make) {
        Instrument::Gauge(gauge) => gauge,
        _ => Gauge::default(),
    }
}

pub(super) fn histogram(
    name: Name,
    help: &'static str,
    labels: &[(&'static str, &str)],
    bounds: &'static [f64],
) -> Histogram {
    let make = || Instrument::Histogram(Histogram::new(bounds));
    match resolve(name, Kind::Histogram, help, labels, make) {
        Instrument::Histogram(histogram) => histogram,
        _ => Histogram::new(bounds),
    }
}

/// Finds or makes an instrument. One whose name is taken by another kind works, but is never shown.
fn resolve(
    name: Name,
    kind: Kind,
    help: &'static str,
    labels: &[(&'static str, &str)],
    make: impl FnOnce() -> Instrument,
) -> Instrument {
    let mut labels: Labels = labels.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
    labels.sort_unstable();
    let mut families = families();
    let family = families.entry(name.name).or_insert_with(|| Family { name, kind, help, series: BTreeMap::new() });
    if family.kind != kind {
        let taken = family.kind;
        drop(families);
        tracing::error!(metric = name.name, "the metric is a {taken:?} already and cannot be a {kind:?} too");
        return make();
    }
    if family.series.len() >= SERIES_LIMIT && !family.series.contains_key(&labels) {
        labels = vec![(OVERFLOW, "true".to_owned())];
    }
    family.series.entry(labels).or_insert_with(make).clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_labels_does_not_matter() {
        let one = counter("registry.order".into(), "", &[("a", "1"), ("b", "2")]);
        counter("registry.order".into(), "", &[("b", "2"), ("a", "1")]).inc();
        assert_eq!(one.get(), 1);
    }

    #[test]
    fn another_kind_under_the_same_name_is_detached() {
        counter("registry.kind".into(), "", &[]).inc();
        gauge("registry.kind".into(), "", &[]).set(7);
        assert_eq!(counter("registry.kind".into(), "", &[]).get(), 1);
    }

    #[test]
    fn unbounded_labels_end_in_one_series() {
        for n in 0..SERIES_LIMIT + 10 {
            counter("registry.many".into(), "", &[("n", &n.to_string())]).inc();
        }
        let overflow = counter("registry.many".into(), "", &[("n", "another")]);
        assert_eq!(overflow.get(), 10);
    }
}
