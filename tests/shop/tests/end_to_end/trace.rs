//! One trace per order, from the click to the last service that hears of it.

use std::collections::BTreeSet;

use harness::otlp::{Collector, Kind, Span, Trace};

use crate::support::{APPROVED, DECLINED, Mode, Place, Shopper};

/// An event by its routing key: who sends it, and who gets it.
type Hop = (&'static str, &'static str, &'static [&'static str]);

const PLACED: Hop = ("orders", "order.placed.v1", &["inventory", "storefront"]);
const RESERVED: Hop = ("inventory", "stock.reserved.v1", &["orders"]);
const REJECTED: Hop = ("inventory", "stock.rejected.v1", &["orders"]);
const REQUESTED: Hop = ("orders", "order.payment_requested.v1", &["payments", "storefront"]);
const AUTHORISED: Hop = ("payments", "payment.authorised.v1", &["orders"]);
const REFUSED: Hop = ("payments", "payment.declined.v1", &["orders"]);
const CONFIRMED: Hop = ("orders", "order.confirmed.v1", &["inventory", "storefront"]);
const CANCELLED: Hop = ("orders", "order.cancelled.v1", &["inventory", "storefront"]);
const COMMITTED: Hop = ("inventory", "stock.committed.v1", &[]);
const RELEASED: Hop = ("inventory", "stock.released.v1", &[]);

#[tokio::test]
async fn embedded() {
    one_trace_per_order(Mode::Embedded).await;
}

#[tokio::test]
async fn distributed() {
    one_trace_per_order(Mode::Distributed).await;
}

async fn one_trace_per_order(mode: Mode) {
    let collector = Collector::start().await;
    let place = Place::new(mode).await;
    let running = place.start(place.shop().env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint())).await;
    let mut known = BTreeSet::new();
    let cases: [(&str, &str, &[Hop], bool); 3] = [
        ("LIG-01", APPROVED, &[PLACED, RESERVED, REQUESTED, AUTHORISED, CONFIRMED, COMMITTED], true),
        ("LIG-01", DECLINED, &[PLACED, RESERVED, REQUESTED, REFUSED, CANCELLED, RELEASED], true),
        // There is none of it.
        ("PLA-10", APPROVED, &[PLACED, REJECTED, CANCELLED], false),
    ];
    for (sku, card, hops, paid) in cases {
        let id = Shopper::with(&place, sku, 1).await.order(card).await;
        let trace = trace_of_order(&collector, &known, hops, paid).await;
        assert!(known.insert(trace.root().trace.clone()), "the trace of order {id} is another order's too");
    }
    place.settle(cases.len()).await;
    running.end().await;
    // Nothing came later that would not belong: each order still has its own tree, and no checkout has another.
    let checkouts = collector.traces();
    let checkouts: BTreeSet<String> = checkouts
        .into_iter()
        .filter(|(_, trace)| trace.spans().iter().any(|span| span.service == "storefront" && span.name == CHECKOUT))
        .map(|(id, trace)| trace.check().map(|_| id).unwrap_or_else(|fault| panic!("{fault}\n{trace}")))
        .collect();
    assert_eq!(checkouts, known);
    place.clear().await;
}

const CHECKOUT: &str = "POST /checkout";

/// Waits for a trace that is none of those `known`: one tree under the shopper's request, with every hop of every event.
async fn trace_of_order(collector: &Collector, known: &BTreeSet<String>, hops: &[Hop], paid: bool) -> Trace {
    let services: &[&str] = if paid {
        &["catalog", "inventory", "orders", "payments", "psp", "storefront"]
    } else {
        &["catalog", "inventory", "orders", "storefront"]
    };
    let services: BTreeSet<&str> = services.iter().copied().collect();
    let trace = collector
        .wait_for_trace(&format!("a new checkout of {services:?} with the hops {hops:?}"), |trace| {
            let root = trace.root();
            // Each process exports in its own time, also one that is only called.
            root.name == CHECKOUT
                && !known.contains(&root.trace)
                && trace.services().is_superset(&services)
                && hops.iter().all(|hop| missing(trace, hop).is_none())
        })
        .await;
    let root = trace.root();
    assert_eq!((root.service.as_str(), root.kind), ("storefront", Kind::Server), "{trace}");
    assert_eq!(trace.services(), services, "{trace}");
    let published = trace.spans().iter().filter(|span| span.kind == Kind::Producer).count();
    assert_eq!(published, hops.len(), "{trace}");
    let heard: usize = hops.iter().map(|(_, _, to)| to.len()).sum();
    let deliveries = trace.spans().iter().filter(|span| span.kind == Kind::Consumer).count();
    assert_eq!(deliveries, heard, "{trace}");
    trace
}

/// What is missing of an event's way: the span of its sender, or one below it for each that gets it.
fn missing(trace: &Trace, (from, event, to): &Hop) -> Option<String> {
    let about = |span: &Span| span.attribute("messaging.rabbitmq.destination.routing_key") == Some(*event);
    let sent = trace.spans().iter().find(|span| span.kind == Kind::Producer && span.service == *from && about(span));
    let Some(sent) = sent else { return Some(format!("{from} has not sent {event}")) };
    let below: BTreeSet<&str> = trace
        .spans()
        .iter()
        .filter(|span| span.kind == Kind::Consumer && span.parent.as_ref() == Some(&sent.id))
        .map(|span| span.service.as_str())
        .collect();
    let deaf = to.iter().find(|service| !below.contains(**service))?;
    Some(format!("{deaf} has not got {event}"))
}
