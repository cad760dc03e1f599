//! Which way an order goes: the whole of it, in one table.

use orders_contract::{CancelReason, OrderState};

/// Something that the others did for an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Happened {
    /// Everything is put aside.
    StockReserved,
    /// There is not enough.
    StockRejected,
    /// The card was charged.
    PaymentAuthorised,
    /// The card was refused.
    PaymentDeclined,
}

/// What an order does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Asks for the payment.
    Pay,
    /// Is done.
    Confirm,
    /// Is given up.
    Cancel(CancelReason),
}

impl Next {
    /// The state that it is in then.
    pub(crate) fn state(self) -> OrderState {
        match self {
            Self::Pay => OrderState::Reserved,
            Self::Confirm => OrderState::Confirmed,
            Self::Cancel(_) => OrderState::Cancelled,
        }
    }
}

/// What an order does when something has happened; `None` where nothing follows of it, since it comes late or again.
pub(crate) fn next(state: OrderState, happened: Happened) -> Option<Next> {
    use Happened::{PaymentAuthorised, PaymentDeclined, StockRejected, StockReserved};
    match (state, happened) {
        (OrderState::Placed, StockReserved) => Some(Next::Pay),
        (OrderState::Placed, StockRejected) => Some(Next::Cancel(CancelReason::OutOfStock)),
        (OrderState::Reserved, PaymentAuthorised) => Some(Next::Confirm),
        (OrderState::Reserved, PaymentDeclined) => Some(Next::Cancel(CancelReason::PaymentDeclined)),
        (OrderState::Placed, PaymentAuthorised | PaymentDeclined)
        | (OrderState::Reserved, StockReserved | StockRejected)
        | (OrderState::Confirmed | OrderState::Cancelled, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATES: [OrderState; 4] =
        [OrderState::Placed, OrderState::Reserved, OrderState::Confirmed, OrderState::Cancelled];
    const EVENTS: [Happened; 4] =
        [Happened::StockReserved, Happened::StockRejected, Happened::PaymentAuthorised, Happened::PaymentDeclined];

    #[test]
    fn an_order_that_has_ended_stays_as_it_is() {
        for state in STATES.into_iter().filter(|state| state.is_final()) {
            assert!(EVENTS.iter().all(|event| next(state, *event).is_none()), "{state:?}");
        }
    }

    #[test]
    fn whatever_comes_twice_changes_nothing_the_second_time() {
        for state in STATES {
            for event in EVENTS {
                if let Some(step) = next(state, event) {
                    assert_eq!(next(step.state(), event), None, "{state:?} {event:?}");
                }
            }
        }
    }

    #[test]
    fn nobody_is_charged_before_the_goods_are_held() {
        for event in EVENTS {
            assert_ne!(next(OrderState::Placed, event), Some(Next::Confirm), "{event:?}");
        }
    }
}
