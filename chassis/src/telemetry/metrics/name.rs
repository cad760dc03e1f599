use std::borrow::Cow;

use super::registry::Kind;

/// The name of an instrument with its unit.
///
/// Made from a name alone, or from a pair of OpenTelemetry's name and a UCUM unit: `("http.server.request.duration", "s")`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
}

impl From<&'static str> for Name {
    fn from(name: &'static str) -> Self {
        Self { name, unit: "" }
    }
}

impl From<(&'static str, &'static str)> for Name {
    fn from((name, unit): (&'static str, &'static str)) -> Self {
        Self { name, unit }
    }
}

impl Name {
    /// The name in Prometheus, after
    /// <https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/>.
    pub(super) fn prometheus(self, kind: Kind) -> String {
        let mut text = sanitize(self.name).into_owned();
        let suffix = match self.unit {
            "s" => "seconds",
            "ms" => "milliseconds",
            "By" => "bytes",
            "1" if kind == Kind::Gauge => "ratio",
            _ => "",
        };
        // A name that has its suffix already keeps it once; `_total` comes last.
        let total = kind == Kind::Counter;
        if total && text.ends_with("_total") {
            text.truncate(text.len() - "_total".len());
        }
        if !suffix.is_empty() && !text.ends_with(suffix) {
            text.push('_');
            text.push_str(suffix);
        }
        if total {
            text.push_str("_total");
        }
        text
    }
}

/// A metric's or label's name with only what Prometheus allows in one.
pub(super) fn sanitize(name: &str) -> Cow<'_, str> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.chars().all(allowed) {
        return Cow::Borrowed(name);
    }
    Cow::Owned(name.chars().map(|c| if allowed(c) { c } else { '_' }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_and_kinds_become_suffixes() {
        for (name, kind, expected) in [
            (
                Name::from(("http.server.request.duration", "s")),
                Kind::Histogram,
                "http_server_request_duration_seconds",
            ),
            (
                Name::from(("messaging.client.sent.messages", "{message}")),
                Kind::Counter,
                "messaging_client_sent_messages_total",
            ),
            (Name::from(("chassis.log.written", "By")), Kind::Counter, "chassis_log_written_bytes_total"),
            (Name::from(("pool.used", "1")), Kind::Gauge, "pool_used_ratio"),
            (Name::from("jobs_total"), Kind::Counter, "jobs_total"),
            (
                Name::from("http_server_request_duration_seconds"),
                Kind::Histogram,
                "http_server_request_duration_seconds",
            ),
        ] {
            assert_eq!(name.prometheus(kind), expected);
        }
    }
}
