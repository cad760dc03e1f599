//! What other services may ask the orders, and hear from them.

mod api;
mod events;
mod order;

pub use api::{Checkout, CheckoutLine, Orders, OrdersClient, OrdersError};
pub use events::{OrderCancelled, OrderConfirmed, OrderPlaced, PaymentRequested, PlacedLine};
pub use order::{CancelReason, Customer, Order, OrderLine, OrderState, Passed};
