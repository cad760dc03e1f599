//! What other services may ask the payments, and hear from them.

use chassis::prelude::*;
use shop_money::Money;

/// The payment of an order.
#[model]
#[derive(PartialEq, Eq)]
pub struct Payment {
    /// The order.
    pub order_id: String,
    /// What is to be paid.
    pub amount: Money,
    /// Where it stands.
    pub state: PaymentState,
    /// How often the provider was asked.
    pub attempts: i64,
}

/// Where a payment stands.
#[model]
#[derive(Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum PaymentState {
    /// It is not known yet whether the provider has charged the card.
    Requested,
    /// The provider has charged the card.
    Authorised,
    /// The provider has refused, and charged nothing.
    Declined,
}

impl PaymentState {
    /// The name under which it is stored and sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Authorised => "authorised",
            Self::Declined => "declined",
        }
    }
}

/// An order is paid.
#[event(name = "payment.authorised", version = 1, key = order_id, owner = "payments")]
#[derive(PartialEq, Eq)]
pub struct PaymentAuthorised {
    /// The order.
    pub order_id: String,
    /// What was charged.
    pub amount: Money,
}

/// An order was not paid, and nothing was charged.
#[event(name = "payment.declined", version = 1, key = order_id, owner = "payments")]
#[derive(PartialEq, Eq)]
pub struct PaymentDeclined {
    /// The order.
    pub order_id: String,
    /// The provider's reason.
    pub reason: String,
}

/// Why the payments could not answer.
#[derive(Debug, ApiError)]
pub enum PaymentsError {
    /// There is no such payment.
    #[api(status = 404, code = "unknown_payment", message = "Nothing was asked to be paid for this order.")]
    UnknownPayment,
    /// Anything else.
    #[api(unexpected)]
    Unexpected(chassis::Error),
}

/// Gets orders paid.
#[contract(name = "payments", version = 1)]
pub trait Payments {
    /// The payment of an order.
    #[get("/payments/{order_id}")]
    async fn payment(&self, order_id: String) -> Result<Payment, PaymentsError>;
}
