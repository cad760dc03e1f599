//! What makes a wish to order acceptable.

use catalog_contract::Product;
use orders_contract::{Checkout, CheckoutLine, Customer, OrderLine, OrdersError};
use shop_money::Money;
use uuid::Uuid;

/// The most of one article that an order may have.
const MOST: i64 = 20;

/// An order that can be taken.
#[derive(Debug)]
pub(crate) struct Accepted {
    /// What is ordered, an article a line, in the order of their numbers.
    pub(crate) lines: Vec<OrderLine>,
    /// What it comes to.
    pub(crate) total: Money,
}

/// Looks at everything that can be judged without asking anybody.
pub(crate) fn check(checkout: &Checkout) -> Result<(), OrdersError> {
    if checkout.lines.is_empty() {
        return Err(OrdersError::EmptyCart);
    }
    for line in &checkout.lines {
        within_limits(&line.sku, line.quantity)?;
    }
    let Customer { name, email, street, postcode, city } = &checkout.customer;
    let fields = [("name", name), ("email", email), ("street", street), ("postcode", postcode), ("city", city)];
    if let Some((field, _)) = fields.into_iter().find(|(_, value)| value.trim().is_empty()) {
        return Err(OrdersError::IncompleteAddress { field: field.to_owned() });
    }
    if checkout.payment_token.trim().is_empty() {
        return Err(OrdersError::MissingPayment);
    }
    Ok(())
}

/// Compares what the shopper has accepted with what the catalog says now.
pub(crate) fn accept(wanted: &[CheckoutLine], products: &[Product]) -> Result<Accepted, OrdersError> {
    let mut lines: Vec<OrderLine> = Vec::new();
    for line in wanted {
        let product = products.iter().find(|product| product.sku == line.sku);
        let product = product.ok_or_else(|| OrdersError::UnknownProduct { sku: line.sku.clone() })?;
        if product.price != line.unit_price {
            let (sku, name) = (product.sku.clone(), product.name.clone());
            return Err(OrdersError::PriceChanged { sku, name, accepted: line.unit_price, current: product.price });
        }
        match lines.iter_mut().find(|other| other.sku == line.sku) {
            Some(other) => other.quantity += line.quantity,
            None => lines.push(OrderLine {
                sku: product.sku.clone(),
                name: product.name.clone(),
                quantity: line.quantity,
                unit_price: product.price,
            }),
        }
    }
    lines.sort_by(|a, b| a.sku.cmp(&b.sku));
    let mut total: Option<Money> = None;
    for line in &lines {
        within_limits(&line.sku, line.quantity)?;
        let sum =
            line.unit_price.times(line.quantity).and_then(|price| total.map_or(Some(price), |total| total.plus(price)));
        total = Some(sum.ok_or_else(|| chassis::Error::msg("the prices of the order cannot be added up"))?);
    }
    let total = total.ok_or(OrdersError::EmptyCart)?;
    Ok(Accepted { lines, total })
}

fn within_limits(sku: &str, quantity: i64) -> Result<(), OrdersError> {
    if (1..=MOST).contains(&quantity) {
        return Ok(());
    }
    Err(OrdersError::InvalidQuantity { sku: sku.to_owned(), most: MOST })
}

/// Tells two wishes under the same key apart.
pub(crate) fn fingerprint(checkout: &Checkout) -> Result<String, OrdersError> {
    let text = serde_json::to_vec(checkout)?;
    Ok(Uuid::new_v5(&Uuid::NAMESPACE_OID, &text).to_string())
}

#[cfg(test)]
mod tests;
