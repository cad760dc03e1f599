//! What the shopper has seen and accepts, as the form carries it: `KIT-01:2:1690:EUR,PLA-03:1:3400:EUR`.
//!
//! It may be tampered with: the orders compare it with the catalog, so that whoever does only gets a refusal.

use orders_contract::CheckoutLine;
use shop_money::Money;

/// One article, how many of it, and what one costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Accepted {
    pub(crate) sku: String,
    pub(crate) quantity: i64,
    pub(crate) unit_price: Money,
}

impl Accepted {
    /// As the orders are asked for it.
    pub(crate) fn to_line(&self) -> CheckoutLine {
        CheckoutLine { sku: self.sku.clone(), quantity: self.quantity, unit_price: self.unit_price }
    }
}

/// As the form carries it.
pub(crate) fn format(lines: &[Accepted]) -> String {
    let line = |line: &Accepted| {
        format!("{}:{}:{}:{}", line.sku, line.quantity, line.unit_price.amount, line.unit_price.currency.code())
    };
    lines.iter().map(line).collect::<Vec<_>>().join(",")
}

/// As the form carried it; `None` where it makes no sense.
pub(crate) fn parse(text: &str) -> Option<Vec<Accepted>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    text.split(',').map(line).collect()
}

fn line(text: &str) -> Option<Accepted> {
    let mut parts = text.split(':');
    let (sku, quantity, amount, currency) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || sku.is_empty() {
        return None;
    }
    let unit_price = Money::new(amount.parse().ok()?, currency.parse().ok()?);
    Some(Accepted { sku: sku.to_owned(), quantity: quantity.parse().ok()?, unit_price })
}

#[cfg(test)]
mod tests {
    use shop_money::Currency;

    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let line = |sku: &str, quantity, amount| Accepted {
            sku: sku.into(),
            quantity,
            unit_price: Money::new(amount, Currency::Eur),
        };
        let lines = vec![line("KIT-01", 2, 1690), line("PLA-03", 1, 3400)];
        assert_eq!(format(&lines), "KIT-01:2:1690:EUR,PLA-03:1:3400:EUR");
        assert_eq!(parse(&format(&lines)), Some(lines));
        assert_eq!(parse(""), Some(Vec::new()));
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["KIT-01", "KIT-01:2:x:EUR", "KIT-01:2:1690:XYZ", ":1:1:EUR", "A:1:1:EUR:more", ","] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
