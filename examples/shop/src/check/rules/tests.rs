use super::*;
use crate::check::{Charge, Line, Payment, Reservation, Stock};

fn euro(amount: i64) -> (i64, String) {
    (amount, "EUR".to_owned())
}

fn line(sku: &str, quantity: i64, unit_price: i64) -> Line {
    Line { sku: sku.to_owned(), quantity, unit_price }
}

/// A shop that has sold two mugs in one order, and nothing else.
fn quiet() -> Facts {
    let id = || "one".to_owned();
    let order = Order {
        id: id(),
        state: "confirmed".to_owned(),
        reason: String::new(),
        total: euro(3380),
        lines: vec![line("MUG", 2, 1690)],
        history: ["placed", "reserved", "confirmed"].map(str::to_owned).to_vec(),
    };
    Facts {
        orders: vec![order],
        reservations: [(id(), Reservation { state: "committed".to_owned(), lines: vec![line("MUG", 2, 0)] })].into(),
        payments: [(id(), Payment { state: "authorised".to_owned(), amount: euro(3380) })].into(),
        charges: [(id(), Charge { approved: true, amount: euro(3380) })].into(),
        stock: vec![Stock { sku: "MUG".to_owned(), initial: 10, available: 8, reserved: 0, sold: 2 }],
        seen: [(id(), "confirmed".to_owned())].into(),
        unpublished: [("orders", 0)].into(),
    }
}

fn only_fault(facts: &Facts) -> String {
    let faults = verify(facts);
    assert_eq!(faults.len(), 1, "{faults:?}");
    faults.into_iter().next().expect("one")
}

#[test]
fn a_shop_that_agrees_has_no_faults() {
    assert_eq!(verify(&quiet()), Vec::<String>::new());
}

#[test]
fn a_charge_without_an_order_is_found() {
    let mut facts = quiet();
    facts.charges.insert("two".to_owned(), Charge { approved: true, amount: euro(1) });
    assert!(only_fault(&facts).contains("a charge of an order that does not exist"));
}

#[test]
fn a_charge_of_another_amount_is_found() {
    let mut facts = quiet();
    facts.charges.insert("one".to_owned(), Charge { approved: true, amount: euro(6760) });
    assert!(only_fault(&facts).contains("another amount"));
}

#[test]
fn an_order_that_has_not_ended_is_found() {
    let mut facts = quiet();
    facts.orders[0].state = "reserved".to_owned();
    assert!(verify(&facts).iter().any(|fault| fault.contains("still `reserved`")));
}

#[test]
fn a_lost_unit_is_found() {
    let mut facts = quiet();
    facts.stock[0].available = 7;
    assert!(only_fault(&facts).contains("units have come or gone"));
}

#[test]
fn a_cancelled_order_that_was_charged_is_found() {
    let mut facts = quiet();
    facts.orders[0].state = "cancelled".to_owned();
    facts.orders[0].reason = "payment_declined".to_owned();
    assert!(verify(&facts).iter().any(|fault| fault.contains("the provider's record is Some(true)")));
}

#[test]
fn an_event_that_was_not_published_is_found() {
    let mut facts = quiet();
    facts.unpublished.insert("orders", 3);
    assert_eq!(only_fault(&facts), "orders has 3 events that are not published");
}
