use chassis::prelude::*;
use shop_money::Money;

/// An order.
#[model]
#[derive(PartialEq, Eq)]
pub struct Order {
    /// Its id.
    pub id: String,
    /// Who placed it, as the one who asked for it names them.
    pub shopper: String,
    /// Where it stands.
    pub state: OrderState,
    /// Why it was cancelled, if it was.
    pub reason: Option<CancelReason>,
    /// To whom it goes.
    pub customer: Customer,
    /// What was ordered, at the prices that were accepted.
    pub lines: Vec<OrderLine>,
    /// What it comes to.
    pub total: Money,
    /// When it was placed, in milliseconds since 1970.
    pub placed_at: i64,
    /// The states it has been in, the first one first.
    pub history: Vec<Passed>,
}

/// Where an order stands.
#[model]
#[derive(Copy, PartialEq, Eq, Hash)]
#[serde(rename_all = "snake_case")]
pub enum OrderState {
    /// It has been taken; the inventory is asked to put everything aside.
    Placed,
    /// Everything is put aside; the payment is under way.
    Reserved,
    /// It is paid. Nothing changes any more.
    Confirmed,
    /// It will not be carried out, and whatever was done for it is undone. Nothing changes any more.
    Cancelled,
}

impl OrderState {
    /// The name under which it is stored and sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Placed => "placed",
            Self::Reserved => "reserved",
            Self::Confirmed => "confirmed",
            Self::Cancelled => "cancelled",
        }
    }

    /// How far along the way it is: an order never goes back.
    pub fn step(self) -> i64 {
        match self {
            Self::Placed => 1,
            Self::Reserved => 2,
            Self::Confirmed | Self::Cancelled => 3,
        }
    }

    /// Whether nothing changes any more.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Confirmed | Self::Cancelled)
    }
}

/// Why an order was cancelled.
#[model]
#[derive(Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum CancelReason {
    /// There was not enough of something.
    OutOfStock,
    /// The card was declined.
    PaymentDeclined,
}

impl CancelReason {
    /// The name under which it is stored and sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OutOfStock => "out_of_stock",
            Self::PaymentDeclined => "payment_declined",
        }
    }
}

/// A state that an order has been in.
#[model]
#[derive(PartialEq, Eq)]
pub struct Passed {
    /// The state.
    pub state: OrderState,
    /// Since when, in milliseconds since 1970.
    pub at: i64,
}

/// To whom an order goes.
#[model]
#[derive(PartialEq, Eq)]
pub struct Customer {
    /// The recipient.
    pub name: String,
    /// Where to write to.
    pub email: String,
    /// Street and number.
    pub street: String,
    /// Postcode.
    pub postcode: String,
    /// City.
    pub city: String,
}

/// One article of an order, as it was when it was ordered.
#[model]
#[derive(PartialEq, Eq)]
pub struct OrderLine {
    /// The article number.
    pub sku: String,
    /// What it was called.
    pub name: String,
    /// How many.
    pub quantity: i64,
    /// What one cost.
    pub unit_price: Money,
}
