//! Amounts of money: whole minor units (cents) of one currency. There is no floating point anywhere near them.

use std::fmt;
use std::str::FromStr;

use chassis::prelude::*;

/// The currencies that the shop trades in, by their ISO 4217 codes.
#[model]
#[derive(Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[serde(rename_all = "UPPERCASE")]
pub enum Currency {
    /// Euro.
    Eur,
    /// Pound sterling.
    Gbp,
    /// Dollar of the United States.
    Usd,
}

impl Currency {
    /// The ISO code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Eur => "EUR",
            Self::Gbp => "GBP",
            Self::Usd => "USD",
        }
    }

    fn sign(self) -> char {
        match self {
            Self::Eur => '€',
            Self::Gbp => '£',
            Self::Usd => '$',
        }
    }
}

/// The text is no currency that the shop trades in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownCurrency(String);

impl fmt::Display for UnknownCurrency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no currency of this shop", self.0)
    }
}

impl std::error::Error for UnknownCurrency {}

impl FromStr for Currency {
    type Err = UnknownCurrency;

    fn from_str(code: &str) -> Result<Self, Self::Err> {
        match code {
            "EUR" => Ok(Self::Eur),
            "GBP" => Ok(Self::Gbp),
            "USD" => Ok(Self::Usd),
            other => Err(UnknownCurrency(other.to_owned())),
        }
    }
}

/// An amount of money.
#[model]
#[derive(Copy, PartialEq, Eq, Hash)]
pub struct Money {
    /// In minor units, such as cents.
    pub amount: i64,
    /// Of this currency.
    pub currency: Currency,
}

impl Money {
    /// So many minor units of a currency.
    pub fn new(amount: i64, currency: Currency) -> Self {
        Self { amount, currency }
    }

    /// Nothing, in a currency.
    pub fn zero(currency: Currency) -> Self {
        Self::new(0, currency)
    }

    /// Both together; `None` if the currencies differ or the sum is out of range.
    pub fn plus(self, other: Self) -> Option<Self> {
        let amount = self.amount.checked_add(other.amount).filter(|_| self.currency == other.currency)?;
        Some(Self { amount, ..self })
    }

    /// So many times the amount; `None` if that is out of range.
    pub fn times(self, count: i64) -> Option<Self> {
        Some(Self { amount: self.amount.checked_mul(count)?, ..self })
    }
}

impl fmt::Display for Money {
    /// As a price tag has it: `€16.90`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, units) = (if self.amount < 0 { "−" } else { "" }, self.amount.unsigned_abs());
        write!(f, "{sign}{}{}.{:02}", self.currency.sign(), units / 100, units % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_need_one_currency_and_room() {
        let (euro, pound) = (Money::new(150, Currency::Eur), Money::new(150, Currency::Gbp));
        assert_eq!(euro.plus(euro), Some(Money::new(300, Currency::Eur)));
        assert_eq!(euro.plus(pound), None);
        assert_eq!(Money::new(i64::MAX, Currency::Eur).plus(euro), None);
        assert_eq!(Money::new(i64::MAX / 2, Currency::Eur).times(3), None);
    }

    #[test]
    fn prices_are_shown_with_both_digits() {
        assert_eq!(Money::new(1690, Currency::Eur).to_string(), "€16.90");
        assert_eq!(Money::new(5, Currency::Usd).to_string(), "$0.05");
        assert_eq!(Money::new(-1234, Currency::Gbp).to_string(), "−£12.34");
    }
}
