use std::time::SystemTime;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics,
    ScopeMetrics, Sum, metric, number_data_point,
};
use prost::Message;

use super::convert::{Resource, group, nanos, scope, text};
use crate::telemetry::metrics::{Family, Instrument, visit};

/// The label that becomes the name of the resource.
const SERVICE: &str = "service";

/// All instruments as they are now; `start` is since when they count.
pub(super) fn encode(resource: &Resource, start: SystemTime) -> Vec<u8> {
    let (start, now) = (nanos(start), nanos(SystemTime::now()));
    let mut metrics = Vec::new();
    visit(|family| metrics.extend(convert(family, start, now)));
    let resource_metrics = group(metrics.into_iter()).into_iter().map(|(service, metrics)| {
        let scope_metrics = ScopeMetrics { scope: Some(scope()), metrics, ..ScopeMetrics::default() };
        let resource = Some(resource.of(service.as_deref()));
        ResourceMetrics { resource, scope_metrics: vec![scope_metrics], ..ResourceMetrics::default() }
    });
    ExportMetricsServiceRequest { resource_metrics: resource_metrics.collect() }.encode_to_vec()
}

/// The family once per service that it has instruments for.
fn convert(family: &Family, start: u64, now: u64) -> impl Iterator<Item = (Option<String>, Metric)> {
    let services = group(family.series.iter().map(|(labels, instrument)| {
        let service = labels.iter().find(|(key, _)| *key == SERVICE).map(|(_, value)| value.clone());
        let rest = labels.iter().filter(|(key, _)| *key != SERVICE);
        (service, (rest.map(|(key, value)| text(key, value)).collect::<Vec<_>>(), instrument))
    }));
    services.into_iter().map(move |(service, series)| {
        let (mut numbers, mut histograms) = (Vec::new(), Vec::new());
        let mut monotonic = false;
        for (attributes, instrument) in series {
            let number = |value| NumberDataPoint {
                attributes: attributes.clone(),
                start_time_unix_nano: start,
                time_unix_nano: now,
                value: Some(value),
                ..NumberDataPoint::default()
            };
            match instrument {
                Instrument::Counter(counter) => {
                    monotonic = true;
                    let count = i64::try_from(counter.get()).unwrap_or(i64::MAX);
                    numbers.push(number(number_data_point::Value::AsInt(count)));
                }
                Instrument::Gauge(gauge) => numbers.push(number(number_data_point::Value::AsDouble(gauge.get()))),
                Instrument::Histogram(histogram) => {
                    let bucket_counts = histogram.counts();
                    histograms.push(HistogramDataPoint {
                        attributes,
                        start_time_unix_nano: start,
                        time_unix_nano: now,
                        count: bucket_counts.iter().sum(),
                        sum: Some(histogram.sum()),
                        bucket_counts,
                        explicit_bounds: histogram.bounds().to_vec(),
                        ..HistogramDataPoint::default()
                    });
                }
            }
        }
        let aggregation_temporality = AggregationTemporality::Cumulative.into();
        let data = if monotonic {
            metric::Data::Sum(Sum { data_points: numbers, aggregation_temporality, is_monotonic: true })
        } else if histograms.is_empty() {
            metric::Data::Gauge(Gauge { data_points: numbers })
        } else {
            metric::Data::Histogram(Histogram { data_points: histograms, aggregation_temporality })
        };
        let metric = Metric {
            name: family.name.name.to_owned(),
            description: family.help.to_owned(),
            unit: family.name.unit.to_owned(),
            data: Some(data),
            ..Metric::default()
        };
        (service, metric)
    })
}
