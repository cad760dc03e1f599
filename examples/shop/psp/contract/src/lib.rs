//! What the payment provider offers to its customers. It belongs to another company; the shop only knows this much of it.

use chassis::prelude::*;
use shop_money::Money;

/// A wish to charge a card.
#[model]
#[derive(PartialEq, Eq)]
pub struct ChargeRequest {
    /// How much.
    pub amount: Money,
    /// What stands for the card.
    pub token: String,
}

/// What became of a charge.
#[model]
#[derive(PartialEq, Eq)]
pub struct Charge {
    /// The key under which it was asked for.
    pub key: String,
    /// How much.
    pub amount: Money,
    /// Whether the card was charged.
    pub approved: bool,
    /// Why it was not, if it was not.
    pub reason: Option<String>,
}

/// Why the provider could not do it.
#[derive(Debug, ApiError)]
pub enum PspError {
    /// The key was used for another charge.
    #[api(status = 422, code = "key_reused", message = "Another charge was asked for under this key.")]
    KeyReused,
    /// There is no such charge.
    #[api(status = 404, code = "unknown_charge", message = "Nothing was asked for under this key.")]
    UnknownCharge,
    /// Anything else.
    #[api(unexpected)]
    Unexpected(chassis::Error),
}

/// A payment provider.
#[contract(name = "psp", version = 1)]
pub trait Psp {
    /// Charges a card. However often it is asked under the same key, the card is charged once.
    #[post("/charges", idempotent, status = 201)]
    async fn charge(
        &self,
        #[header("idempotency-key")] key: String,
        request: ChargeRequest,
    ) -> Result<Charge, PspError>;

    /// What became of the charge under a key.
    #[get("/charges/{key}")]
    async fn find(&self, key: String) -> Result<Charge, PspError>;
}
