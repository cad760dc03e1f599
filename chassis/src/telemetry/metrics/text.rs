//! Prometheus text: <https://prometheus.io/docs/instrumenting/exposition_formats/>.

use std::fmt::Write as _;

use super::name::sanitize;
use super::registry::{Family, Instrument, Kind, Labels, visit};

pub(super) fn render() -> String {
    let mut text = String::with_capacity(16 * 1024);
    visit(|family| write_family(&mut text, family));
    text
}

fn write_family(text: &mut String, family: &Family) {
    let name = family.name.prometheus(family.kind);
    let kind = match family.kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
    };
    if !family.help.is_empty() {
        // Writing to a String cannot fail; here and below.
        let _ = writeln!(text, "# HELP {name} {}", family.help.replace('\\', "\\\\").replace('\n', "\\n"));
    }
    let _ = writeln!(text, "# TYPE {name} {kind}");
    for (labels, instrument) in &family.series {
        match instrument {
            Instrument::Counter(counter) => sample(text, &name, "", labels, None, counter.get()),
            Instrument::Gauge(gauge) => sample(text, &name, "", labels, None, gauge.get()),
            Instrument::Histogram(histogram) => {
                let mut total = 0;
                let bounds = histogram.bounds().iter().copied().chain([f64::INFINITY]);
                for (bound, count) in bounds.zip(histogram.counts()) {
                    total += count;
                    sample(text, &name, "_bucket", labels, Some(bound), total);
                }
                sample(text, &name, "_sum", labels, None, histogram.sum());
                // Counted up here and not read again, so that it equals the last bucket whatever happens meanwhile.
                sample(text, &name, "_count", labels, None, total);
            }
        }
    }
}

fn sample(
    text: &mut String,
    name: &str,
    suffix: &str,
    labels: &Labels,
    bound: Option<f64>,
    value: impl std::fmt::Display,
) {
    text.push_str(name);
    text.push_str(suffix);
    let mut separator = '{';
    for (key, value) in labels {
        let _ = write!(text, "{separator}{}=\"", sanitize(key));
        for c in value.chars() {
            match c {
                '\\' => text.push_str("\\\\"),
                '"' => text.push_str("\\\""),
                '\n' => text.push_str("\\n"),
                c => text.push(c),
            }
        }
        text.push('"');
        separator = ',';
    }
    if let Some(bound) = bound {
        let _ = match bound {
            f64::INFINITY => write!(text, "{separator}le=\"+Inf\""),
            bound => write!(text, "{separator}le=\"{bound}\""),
        };
        separator = ',';
    }
    if separator == ',' {
        text.push('}');
    }
    let _ = writeln!(text, " {value}");
}

#[cfg(test)]
mod tests {
    use super::super::{counter, gauge, histogram};
    use super::*;

    fn shown(family: &str) -> String {
        render().lines().filter(|line| line.contains(family)).map(|line| format!("{line}\n")).collect()
    }

    #[test]
    fn a_histogram_is_cumulative() {
        let labels = [("http.route", "/a")];
        let histogram = histogram(("text.time", "s"), "How long.", &labels, &[0.5, 1.0]);
        [0.25, 0.75, 9.0].into_iter().for_each(|value| histogram.observe(value));
        insta::assert_snapshot!(shown("text_time"), @r#"
        # HELP text_time_seconds How long.
        # TYPE text_time_seconds histogram
        text_time_seconds_bucket{http_route="/a",le="0.5"} 1
        text_time_seconds_bucket{http_route="/a",le="1"} 2
        text_time_seconds_bucket{http_route="/a",le="+Inf"} 3
        text_time_seconds_sum{http_route="/a"} 10
        text_time_seconds_count{http_route="/a"} 3
        "#);
    }

    #[test]
    fn labels_are_escaped() {
        counter("text.escape", "", &[("a", "back\\slash \"quoted\"\nline")]).inc();
        gauge("text.escape.plain", "", &[]).set(-1.5);
        insta::assert_snapshot!(shown("text_escape"), @r#"
        # TYPE text_escape_total counter
        text_escape_total{a="back\\slash \"quoted\"\nline"} 1
        # TYPE text_escape_plain gauge
        text_escape_plain -1.5
        "#);
    }
}
