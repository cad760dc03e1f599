use super::*;

fn sampled(sampled: bool) -> Context {
    let trace = TraceContext { trace_id: TraceId(7), span_id: SpanId(8), sampled, state: None };
    Context { trace, service: Some("orders"), ..Context::default() }
}

#[test]
fn a_child_stays_in_the_trace_and_keeps_the_decision() {
    for decision in [true, false] {
        let parent = sampled(decision);
        let span = Span::start(SpanKind::Client, "call", &parent);
        let inside = span.context(&parent);
        assert_eq!(inside.trace.trace_id, TraceId(7));
        assert_ne!(inside.trace.span_id, SpanId(8));
        assert_eq!(inside.trace.sampled, decision);
        assert_eq!(inside.service, Some("orders"));
    }
}

#[test]
fn without_a_parent_a_trace_begins() {
    let span = Span::start(SpanKind::Server, "GET /", &Context::default());
    assert!(!span.trace().is_none());
}

#[cfg(feature = "otlp")]
mod recorded {
    use std::sync::Barrier;

    use super::*;
    use crate::telemetry::span::queue::{Queue, dropped};

    /// The queue belongs to the process, so all that needs one is a single test.
    #[test]
    fn spans_reach_the_queue() {
        let _turn = crate::telemetry::TURN.blocking_lock();
        let queue = Queue::open(2);
        let parent = sampled(true);
        let mut span = Span::start(SpanKind::Server, "before", &parent);
        span.set("a", 1);
        span.set("a", 2);
        span.rename("after");
        span.fail("broken");
        let id = span.trace().span_id;
        span.end();
        Span::start(SpanKind::Internal, "not sampled", &sampled(false)).end();

        let spans = queue.take();
        assert_eq!(spans.len(), 1);
        let span = &spans[0];
        assert_eq!((span.name.as_ref(), span.service, span.parent), ("after", Some("orders"), SpanId(8)));
        assert_eq!(span.trace.span_id, id);
        assert_eq!(span.attributes, [("a", Value::Int(2))]);
        assert_eq!(span.failure.as_deref(), Some("broken"));
        assert!(span.end >= span.start);

        let mut late = Span::start(SpanKind::Server, "late", &sampled(false));
        late.set("lost", true);
        late.fail("boom");
        late.set("kept", true);
        late.end();
        assert_eq!(queue.take()[0].attributes, [("kept", Value::Bool(true))]);

        let before = dropped("queue_full").get();
        for _ in 0..3 {
            Span::start(SpanKind::Internal, "many", &parent).end();
        }
        assert_eq!(queue.take().len(), 2);
        assert_eq!(dropped("queue_full").get(), before + 1);

        queue.close();
        assert!(!Span::start(SpanKind::Internal, "closed", &parent).is_recording());
    }

    #[test]
    fn who_closes_his_queue_leaves_the_one_that_is_opened_meanwhile() {
        let _turn = crate::telemetry::TURN.blocking_lock();
        let parent = sampled(true);
        for _ in 0..30_000 {
            let (old, both) = (Queue::open(1), Barrier::new(2));
            let opened = std::thread::scope(|scope| {
                let close = scope.spawn(|| {
                    both.wait();
                    old.close();
                });
                both.wait();
                let opened = Queue::open(1);
                close.join().expect("no panic");
                opened
            });
            Span::start(SpanKind::Internal, "after", &parent).end();
            assert_eq!(opened.take().len(), 1);
            opened.close();
        }
    }
}
