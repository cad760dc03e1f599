//! From what services say to what pages show.

use catalog_contract::{Category, Picture, Product};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use orders_contract::{CancelReason, Order, OrderState};

use crate::pages::{Card, Line, Link, OrderRow, OrderView, Step, Tile};
use crate::store::Seen;

/// Where a picture is.
pub(crate) fn picture(picture: &Picture) -> String {
    format!("/pictures/{}/{}/{}.svg", picture.kind, picture.palette, picture.variant)
}

/// Shown for what the catalog does not name.
pub(crate) const NO_PICTURE: &str = "/assets/bird.svg";

pub(crate) fn link(category: &Category) -> Link {
    Link { slug: category.slug.clone(), name: category.name.clone() }
}

pub(crate) fn tile(category: &Category) -> Tile {
    let Link { slug, name } = link(category);
    Tile { slug, name, blurb: category.blurb.clone(), picture: picture(&category.picture) }
}

pub(crate) fn card(product: &Product) -> Card {
    let Product { sku, name, blurb, description, facts, label, price, .. } = product.clone();
    Card { sku, name, blurb, description, facts, label, price: price.to_string(), picture: picture(&product.picture) }
}

/// A number to read out on the telephone: the end of the id, which is its random part.
pub(crate) fn number(order_id: &str) -> String {
    let letters: String = order_id.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_uppercase();
    let tail = &letters[letters.len().saturating_sub(8)..];
    let (first, second) = tail.split_at(tail.len() / 2);
    format!("F-{first}-{second}")
}

pub(crate) fn row(seen: &Seen) -> OrderRow {
    let (tone, label) = match seen.state.as_str() {
        "confirmed" => ("good", "Confirmed"),
        "cancelled" => ("bad", "Cancelled"),
        _ => ("open", "Under way"),
    };
    OrderRow {
        id: seen.order_id.clone(),
        number: number(&seen.order_id),
        state: seen.state.clone(),
        tone,
        label,
        placed: time(seen.placed_at, "%-d %B, %H:%M"),
        total: seen.total.to_string(),
    }
}

/// An order; `products` are those of its articles that the catalog still knows.
pub(crate) fn order(order: &Order, products: &[Product]) -> OrderView {
    let (headline, explanation) = words(order.state, order.reason);
    let lines = order.lines.iter().map(|line| Line {
        sku: line.sku.clone(),
        name: line.name.clone(),
        picture: products
            .iter()
            .find(|product| product.sku == line.sku)
            .map_or_else(|| NO_PICTURE.to_owned(), |product| picture(&product.picture)),
        quantity: line.quantity,
        unit: line.unit_price.to_string(),
        total: line.unit_price.times(line.quantity).map(|total| total.to_string()).unwrap_or_default(),
    });
    let customer = &order.customer;
    OrderView {
        id: order.id.clone(),
        number: number(&order.id),
        state: order.state.as_str(),
        ended: order.state.is_final(),
        greeting: if order.state == OrderState::Cancelled { "This did not work out" } else { "Thank you" },
        headline: headline.to_owned(),
        explanation: explanation.to_owned(),
        steps: steps(order),
        lines: lines.collect(),
        total: order.total.to_string(),
        address: vec![
            customer.name.clone(),
            customer.street.clone(),
            format!("{} {}", customer.postcode, customer.city),
        ],
    }
}

fn words(state: OrderState, reason: Option<CancelReason>) -> (&'static str, &'static str) {
    match (state, reason) {
        (OrderState::Placed, _) => ("We have your order", "We are looking whether everything is there."),
        (OrderState::Reserved, _) => ("We are asking your card", "Everything is put aside for you."),
        (OrderState::Confirmed, _) => ("Your order is confirmed", "It is paid, and everything in it is yours."),
        (OrderState::Cancelled, Some(CancelReason::OutOfStock)) => {
            ("There was not enough left", "Somebody was faster. Nothing was charged.")
        }
        (OrderState::Cancelled, Some(CancelReason::PaymentDeclined)) => {
            ("The card was declined", "Nothing was charged, and everything went back on the shelf.")
        }
        (OrderState::Cancelled, None) => ("Your order was cancelled", "Nothing was charged."),
    }
}

fn steps(order: &Order) -> Vec<Step> {
    let at =
        |state: OrderState| order.history.iter().find(|passed| passed.state == state).map(|passed| clock(passed.at));
    let done = |name, title, at: String| Step { name, title, note: at, tone: "done" };
    let now = |name, title, note: &str| Step { name, title, note: note.to_owned(), tone: "now" };
    let ahead = |name, title| Step { name, title, note: String::new(), tone: "ahead" };
    let failed = |name, title, note: String| Step { name, title, note, tone: "failed" };
    let placed = done("placed", "Order received", at(OrderState::Placed).unwrap_or_default());
    let held = || done("reserved", "Put aside for you", at(OrderState::Reserved).unwrap_or_default());
    let ended = at(order.state).unwrap_or_default();
    match (order.state, order.reason) {
        (OrderState::Placed, _) => vec![
            placed,
            now("reserved", "Putting it aside", "We are at the shelves"),
            ahead("paid", "Payment"),
            ahead("confirmed", "Confirmed"),
        ],
        (OrderState::Reserved, _) => {
            vec![placed, held(), now("paid", "Payment", "We are asking your card"), ahead("confirmed", "Confirmed")]
        }
        (OrderState::Confirmed, _) => {
            vec![placed, held(), done("paid", "Payment approved", ended.clone()), done("confirmed", "Confirmed", ended)]
        }
        (OrderState::Cancelled, Some(CancelReason::PaymentDeclined)) => vec![
            placed,
            held(),
            failed("paid", "Payment declined", ended.clone()),
            failed("cancelled", "Cancelled", ended),
        ],
        (OrderState::Cancelled, _) => vec![
            placed,
            failed("reserved", "Not enough in stock", ended.clone()),
            failed("cancelled", "Cancelled", ended),
        ],
    }
}

fn clock(milliseconds: i64) -> String {
    time(milliseconds, "%H:%M:%S")
}

fn time(milliseconds: i64, format: &str) -> String {
    let at = Timestamp::from_millisecond(milliseconds).unwrap_or_default();
    at.to_zoned(TimeZone::system()).strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_number_is_short_and_says_nothing() {
        assert_eq!(number("0199a6f2-7c1e-7bb0-8f11-93ad20c4e7f5"), "F-20C4-E7F5");
        assert_eq!(number(""), "F--");
    }
}
