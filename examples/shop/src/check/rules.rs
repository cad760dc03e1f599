//! What must hold when the shop is quiet.

use std::collections::BTreeMap;

use super::facts::{Facts, Order};

/// Everything that does not agree, a sentence each.
pub fn verify(facts: &Facts) -> Vec<String> {
    let mut faults = Vec::new();
    for order in &facts.orders {
        verify_order(facts, order, &mut faults);
    }
    verify_strangers(facts, &mut faults);
    verify_stock(facts, &mut faults);
    for (service, count) in facts.unpublished.iter().filter(|(_, count)| **count != 0) {
        faults.push(format!("{service} has {count} events that are not published"));
    }
    faults
}

fn verify_order(facts: &Facts, order: &Order, faults: &mut Vec<String>) {
    let mut fault = |text: String| faults.push(format!("order {}: {text}", order.id));
    let sum: i64 = order.lines.iter().map(|line| line.unit_price * line.quantity).sum();
    if sum != order.total.0 {
        fault(format!("its lines come to {sum}, its total is {}", order.total.0));
    }
    let path: Vec<&str> = order.history.iter().map(String::as_str).collect();
    let (legal, reservation, payment, charged): (&[&str], _, _, _) = match (order.state.as_str(), order.reason.as_str())
    {
        ("confirmed", "") => (&["placed", "reserved", "confirmed"], "committed", Some("authorised"), Some(true)),
        ("cancelled", "payment_declined") => {
            (&["placed", "reserved", "cancelled"], "released", Some("declined"), Some(false))
        }
        ("cancelled", "out_of_stock") => (&["placed", "cancelled"], "rejected", None, None),
        (state, reason) => return fault(format!("it is still `{state}` {reason}")),
    };
    if path != legal {
        fault(format!("it went {path:?}"));
    }
    match facts.reservations.get(&order.id) {
        None => fault("the inventory has never heard of it".to_owned()),
        Some(found) if found.state != reservation => fault(format!("its reservation is `{}`", found.state)),
        Some(found) => {
            let wanted = order.lines.iter().map(|line| (&line.sku, line.quantity));
            if reservation != "rejected" && !found.lines.iter().map(|line| (&line.sku, line.quantity)).eq(wanted) {
                fault("its reservation has other lines".to_owned());
            }
        }
    }
    let found = facts.payments.get(&order.id);
    if found.map(|payment| payment.state.as_str()) != payment {
        fault(format!("its payment is {:?}", found.map(|payment| &payment.state)));
    }
    if found.is_some_and(|payment| payment.amount != order.total) {
        fault("its payment is of another amount".to_owned());
    }
    let record = facts.charges.get(&order.id);
    if record.map(|charge| charge.approved) != charged {
        fault(format!("the provider's record is {:?}", record.map(|charge| charge.approved)));
    }
    if record.is_some_and(|charge| charge.amount != order.total) {
        fault("the provider has another amount".to_owned());
    }
    if facts.seen.get(&order.id) != Some(&order.state) {
        fault(format!("the storefront believes {:?}", facts.seen.get(&order.id)));
    }
}

/// Records of orders that nobody has placed.
fn verify_strangers(facts: &Facts, faults: &mut Vec<String>) {
    let known = |id: &String| facts.orders.iter().any(|order| order.id == *id);
    let kinds: [(&str, Vec<&String>); 4] = [
        ("a reservation", facts.reservations.keys().collect()),
        ("a payment", facts.payments.keys().collect()),
        ("a charge", facts.charges.keys().collect()),
        ("a page", facts.seen.keys().collect()),
    ];
    for (what, ids) in kinds {
        for id in ids.into_iter().filter(|id| !known(id)) {
            faults.push(format!("there is {what} of an order that does not exist: {id}"));
        }
    }
}

fn verify_stock(facts: &Facts, faults: &mut Vec<String>) {
    let mut sold: BTreeMap<&str, i64> = BTreeMap::new();
    for line in facts.orders.iter().filter(|order| order.state == "confirmed").flat_map(|order| &order.lines) {
        *sold.entry(&line.sku).or_default() += line.quantity;
    }
    for stock in &facts.stock {
        let sku = &stock.sku;
        if stock.available < 0 || stock.reserved < 0 || stock.sold < 0 {
            faults.push(format!("{sku}: there are fewer than none: {stock:?}"));
        }
        if stock.initial != stock.available + stock.reserved + stock.sold {
            faults.push(format!("{sku}: units have come or gone: {stock:?}"));
        }
        if stock.reserved != 0 {
            faults.push(format!("{sku}: {} units are still put aside", stock.reserved));
        }
        let ordered = sold.remove(sku.as_str()).unwrap_or(0);
        if ordered != stock.sold {
            faults.push(format!("{sku}: {} units are sold, {ordered} were ordered", stock.sold));
        }
    }
    faults.extend(sold.keys().map(|sku| format!("{sku}: it was ordered, but the inventory does not know it")));
}

#[cfg(test)]
mod tests;
