//! What the provider's answers mean.

use psp_contract::{Charge, PspError};

/// What is known of a charge.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The card was charged.
    Charged,
    /// It was not, and will not be.
    Refused(String),
    /// Nothing is known; only asking again can tell.
    Unknown,
}

impl Outcome {
    /// What the provider's record says.
    pub(crate) fn of(charge: Charge) -> Self {
        if charge.approved { Self::Charged } else { Self::Refused(charge.reason.unwrap_or_default()) }
    }
}

/// What the provider says when it is asked what it has done.
///
/// That it has no record says nothing for good: the request may still be on its way. The next time, the same request goes out
/// again under the same key, and settles it.
pub(crate) fn found(answer: Result<Charge, PspError>) -> Outcome {
    answer.map_or(Outcome::Unknown, Outcome::of)
}

#[cfg(test)]
mod tests {
    use shop_money::{Currency, Money};

    use super::*;

    fn charge(approved: bool, reason: Option<&str>) -> Charge {
        let amount = Money::new(100, Currency::Eur);
        Charge { key: "order".into(), amount, approved, reason: reason.map(str::to_owned) }
    }

    #[test]
    fn only_a_record_says_yes_or_no() {
        assert_eq!(found(Ok(charge(true, None))), Outcome::Charged);
        assert_eq!(found(Ok(charge(false, Some("no money")))), Outcome::Refused("no money".into()));
        assert_eq!(found(Err(PspError::UnknownCharge)), Outcome::Unknown);
        assert_eq!(found(Err(PspError::Unexpected(chassis::Error::msg("no answer")))), Outcome::Unknown);
    }
}
