//! A shop to test, and those who buy in it.

mod place;
mod shopper;

pub(crate) use place::{Mode, Place};
pub(crate) use shopper::{APPROVED, Card, DECLINED, LOST, Shopper, order_id};
