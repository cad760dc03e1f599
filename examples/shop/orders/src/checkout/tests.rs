use catalog_contract::Picture;
use shop_money::Currency;

use super::*;

fn euro(amount: i64) -> Money {
    Money::new(amount, Currency::Eur)
}

fn product(sku: &str, price: i64) -> Product {
    Product {
        sku: sku.into(),
        category: "kitchen".into(),
        name: format!("The {sku}"),
        blurb: String::new(),
        description: String::new(),
        facts: Vec::new(),
        label: None,
        price: euro(price),
        picture: Picture { kind: "mug".into(), palette: "teal".into(), variant: 0 },
    }
}

fn line(sku: &str, quantity: i64, price: i64) -> CheckoutLine {
    CheckoutLine { sku: sku.into(), quantity, unit_price: euro(price) }
}

fn checkout(lines: Vec<CheckoutLine>) -> Checkout {
    let [name, email, street, postcode, city] =
        ["Ada", "ada@example.com", "1 Long Lane", "12345", "Smalltown"].map(str::to_owned);
    let customer = Customer { name, email, street, postcode, city };
    Checkout { shopper: "s".into(), customer, lines, payment_token: "tok_4242".into() }
}

#[test]
fn an_order_has_each_article_once_and_its_sum() {
    let wanted = [line("MUG", 2, 1690), line("LAMP", 1, 8900), line("MUG", 1, 1690)];
    let accepted = accept(&wanted, &[product("LAMP", 8900), product("MUG", 1690)]).expect("acceptable");
    let lines: Vec<_> = accepted.lines.iter().map(|line| (&*line.sku, line.quantity)).collect();
    assert_eq!(lines, [("LAMP", 1), ("MUG", 3)]);
    assert_eq!(accepted.total, euro(8900 + 3 * 1690));
}

#[test]
fn an_empty_cart_is_refused() {
    assert!(matches!(check(&checkout(Vec::new())), Err(OrdersError::EmptyCart)));
}

#[test]
fn no_negative_or_absurd_quantity_passes() {
    for quantity in [0, -1, i64::MIN, 21, i64::MAX] {
        let refused = check(&checkout(vec![line("MUG", quantity, 1690)]));
        assert!(matches!(refused, Err(OrdersError::InvalidQuantity { .. })), "{quantity}");
    }
    // Nor by way of several lines.
    let refused = accept(&[line("MUG", 20, 1690), line("MUG", 1, 1690)], &[product("MUG", 1690)]);
    assert!(matches!(refused, Err(OrdersError::InvalidQuantity { .. })));
}

#[test]
fn a_price_that_the_shopper_has_not_seen_is_not_charged() {
    let refused = accept(&[line("MUG", 1, 1590)], &[product("MUG", 1690)]);
    assert!(
        matches!(refused, Err(OrdersError::PriceChanged { accepted, current, .. }) if accepted == euro(1590) && current == euro(1690))
    );
}

#[test]
fn what_is_not_for_sale_cannot_be_ordered() {
    assert!(matches!(accept(&[line("GONE", 1, 1)], &[]), Err(OrdersError::UnknownProduct { sku }) if sku == "GONE"));
}

#[test]
fn an_address_without_a_city_is_refused_by_name() {
    let mut checkout = checkout(vec![line("MUG", 1, 1690)]);
    checkout.customer.city = "  ".into();
    assert!(matches!(check(&checkout), Err(OrdersError::IncompleteAddress { field }) if field == "city"));
}

#[test]
fn another_body_has_another_fingerprint() {
    let (one, two) = (checkout(vec![line("MUG", 1, 1690)]), checkout(vec![line("MUG", 2, 1690)]));
    assert_eq!(fingerprint(&one).expect("json"), fingerprint(&one.clone()).expect("json"));
    assert_ne!(fingerprint(&one).expect("json"), fingerprint(&two).expect("json"));
}
