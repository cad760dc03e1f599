use chassis::prelude::*;
use shop_money::Money;

use crate::{Customer, Order};

/// A wish to order.
#[model]
#[derive(PartialEq, Eq)]
pub struct Checkout {
    /// Who places it, under a name that only the one who asks must understand.
    pub shopper: String,
    /// To whom it goes.
    pub customer: Customer,
    /// What is wanted, at the prices that the shopper has seen and accepted.
    pub lines: Vec<CheckoutLine>,
    /// What the payment provider gave the shopper instead of their card's number.
    pub payment_token: String,
}

/// One article that is wanted.
#[model]
#[derive(PartialEq, Eq)]
pub struct CheckoutLine {
    /// The article number.
    pub sku: String,
    /// How many.
    pub quantity: i64,
    /// What the shopper was told that one costs.
    pub unit_price: Money,
}

/// Why an order was not taken, or not found.
#[derive(Debug, ApiError)]
pub enum OrdersError {
    /// The cart is empty.
    #[api(status = 422, code = "empty_cart", message = "Your cart is empty. Put something in it first.")]
    EmptyCart,
    /// An article is not for sale.
    #[api(
        status = 422,
        code = "unknown_product",
        message = "We no longer sell one of the things in your cart ({sku}). Please remove it and try again."
    )]
    UnknownProduct {
        /// The article number.
        sku: String,
    },
    /// A quantity is out of range.
    #[api(
        status = 422,
        code = "invalid_quantity",
        message = "You can order between 1 and {most} of each thing. Please correct the quantity of {sku}."
    )]
    InvalidQuantity {
        /// The article number.
        sku: String,
        /// The largest quantity that is allowed.
        most: i64,
    },
    /// A price has changed.
    #[api(
        status = 409,
        code = "price_changed",
        message = "The price of {name} has changed from {accepted} to {current}. Please look again before you order."
    )]
    PriceChanged {
        /// The article number.
        sku: String,
        /// What it is called.
        name: String,
        /// What the shopper was told.
        accepted: Money,
        /// What it costs now.
        current: Money,
    },
    /// The address is incomplete.
    #[api(
        status = 422,
        code = "incomplete_address",
        message = "Something is missing in your address. Please fill in the {field}."
    )]
    IncompleteAddress {
        /// What is missing.
        field: String,
    },
    /// Nothing says how to pay.
    #[api(status = 422, code = "missing_payment", message = "Please choose how you would like to pay.")]
    MissingPayment,
    /// The key was used for another order.
    #[api(
        status = 422,
        code = "key_reused",
        message = "This checkout has been used for another order already. Please start again from your cart."
    )]
    KeyReused,
    /// There is no such order.
    #[api(status = 404, code = "unknown_order", message = "We cannot find this order.")]
    UnknownOrder,
    /// Anything else.
    #[api(unexpected)]
    Unexpected(chassis::Error),
}

/// Takes orders and sees them through.
#[contract(name = "orders", version = 1)]
pub trait Orders {
    /// Takes an order. However often it is asked under the same key, it is one order; the answer is the order as it stands.
    #[post("/checkouts", idempotent, status = 202)]
    async fn check_out(
        &self,
        #[header("idempotency-key")] key: String,
        checkout: Checkout,
    ) -> Result<Order, OrdersError>;

    /// One order with its history.
    #[get("/orders/{id}")]
    async fn order(&self, id: String) -> Result<Order, OrdersError>;
}
