use std::io::Write;
use std::sync::Mutex;

use tracing_subscriber::layer::SubscriberExt as _;

use super::*;
use crate::context::{SpanId, TraceContext, TraceId};

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("not poisoned").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn context() -> Context {
    let trace = TraceContext { trace_id: TraceId(0xabc), span_id: SpanId(0xdef), sampled: true, state: None };
    Context { trace, service: Some("orders"), request_id: Some("r-1".into()), ..Context::default() }
}

/// What is written when `log` runs, with the time masked.
fn logged(style: Style, log: impl FnOnce()) -> String {
    let sink = Sink::default();
    let writer = Writer::start(sink.clone()).expect("a thread");
    let layer = LineLayer::new(style, "process", Arc::clone(&writer));
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log);
    writer.flush();
    let bytes = sink.0.lock().expect("not poisoned").clone();
    let text = String::from_utf8(bytes).expect("text");
    text.lines().map(|line| format!("{}\n", without_time(line))).collect()
}

fn without_time(line: &str) -> String {
    match line.split_once("Z\"") {
        Some((_, rest)) => format!("{{\"time\":\"…\"{rest}"),
        None => line.split_once("Z ").map_or(line, |(_, rest)| rest).to_owned(),
    }
}

fn some_events() {
    tracing::info!(count = 3, share = 0.5, name = "a \"b\"", level = "x", "placed {}", 1);
    let outer = tracing::info_span!("outer", order = 7, late = tracing::field::Empty);
    let _entered = outer.enter();
    outer.record("late", "yes");
    let _inner = tracing::info_span!("inner").entered();
    let error = crate::Error::msg("the cause").context("the effect").into_boxed();
    tracing::warn!(error = &*error, what = ?Some(1), evil = "\u{1b}[2J", "two\nlines");
}

#[tokio::test]
async fn json_lines_carry_the_context() {
    let text = context().scope(async { logged(Style::Json, some_events) }).await;
    for line in text.lines() {
        serde_json::from_str::<serde_json::Value>(line).expect("JSON");
    }
    insta::assert_snapshot!(text);
}

#[test]
fn json_lines_outside_of_any_work() {
    insta::assert_snapshot!(logged(Style::Json, || tracing::error!("alone")));
}

#[tokio::test]
async fn pretty_lines_carry_the_context() {
    let text = context().scope(async { logged(Style::Pretty { colours: false }, some_events) }).await;
    insta::assert_snapshot!(text);
}
