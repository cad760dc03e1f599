//! Our types as OTLP's.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::resource::v1::Resource as OtlpResource;

use crate::telemetry::ServiceInfo;
use crate::telemetry::span::Value;

/// What all services of the process have in common.
pub(super) struct Resource {
    process: String,
    common: Vec<KeyValue>,
}

impl Resource {
    pub(super) fn new(info: &ServiceInfo, profile: &str) -> Self {
        let common = [
            ("service.version", info.version.as_str()),
            ("service.instance.id", &info.instance),
            ("deployment.environment.name", profile),
            ("telemetry.sdk.name", "chassis"),
            ("telemetry.sdk.language", "rust"),
            ("telemetry.sdk.version", env!("CARGO_PKG_VERSION")),
        ];
        Self { process: info.name.clone(), common: common.map(|(key, value)| text(key, value)).into() }
    }

    /// The resource of one service, or of the process.
    pub(super) fn of(&self, service: Option<&str>) -> OtlpResource {
        let mut attributes = vec![text("service.name", service.unwrap_or(&self.process))];
        attributes.extend(self.common.iter().cloned());
        OtlpResource { attributes, ..OtlpResource::default() }
    }
}

/// Collects what belongs to the same service.
pub(super) fn group<K: Ord, T>(items: impl Iterator<Item = (K, T)>) -> BTreeMap<K, Vec<T>> {
    let mut groups = BTreeMap::<K, Vec<T>>::new();
    for (key, item) in items {
        groups.entry(key).or_default().push(item);
    }
    groups
}

pub(super) fn scope() -> InstrumentationScope {
    let version = env!("CARGO_PKG_VERSION").to_owned();
    InstrumentationScope { name: "chassis".to_owned(), version, ..InstrumentationScope::default() }
}

pub(super) fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, any_value::Value::StringValue(value.to_owned()))
}

pub(super) fn value(key: &str, value: Value) -> KeyValue {
    attribute(
        key,
        match value {
            Value::Text(text) => any_value::Value::StringValue(text.into_owned()),
            Value::Int(number) => any_value::Value::IntValue(number),
            Value::Float(number) => any_value::Value::DoubleValue(number),
            Value::Bool(yes) => any_value::Value::BoolValue(yes),
        },
    )
}

fn attribute(key: &str, value: any_value::Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

pub(super) fn nanos(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}
