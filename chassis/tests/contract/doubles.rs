//! Doubles whose calls go wrong.

use std::time::Duration;

use chassis::contract::Fault;
use chassis::prelude::*;
use tokio::time::Instant;

use crate::shape::{InventoryClient, InventoryDouble, InventoryError, Sku, Stock};

fn double() -> InventoryDouble {
    InventoryDouble::new()
        .on_stock(|sku| if sku.0 == "none" { Err(InventoryError::Closed) } else { Ok(Stock { sku, available: 7 }) })
}

async fn ends(client: &InventoryClient, calls: usize) -> Vec<Option<ErrorKind>> {
    let mut ends = Vec::new();
    for _ in 0..calls {
        ends.push(match client.stock(Sku("mug".into())).await {
            Ok(_) => None,
            Err(InventoryError::Unexpected(error)) => Some(error.kind()),
            Err(other) => panic!("{other:?}"),
        });
    }
    ends
}

#[tokio::test(start_paused = true)]
async fn some_calls_go_wrong_and_the_others_are_answered() {
    let unavailable = Some(ErrorKind::Unavailable);
    for (fault, expected) in [
        (Fault::error(ErrorKind::Unavailable), [unavailable; 4]),
        (Fault::error(ErrorKind::Unavailable).on_call(3), [None, None, unavailable, None]),
        (Fault::error(ErrorKind::Unavailable).times(2), [unavailable, unavailable, None, None]),
        (Fault::error(ErrorKind::Unavailable).every(2), [None, unavailable, None, unavailable]),
        (Fault::error(ErrorKind::Unavailable).every(0), [None; 4]),
        (Fault::status(StatusCode::BAD_GATEWAY).on_call(1), [unavailable, None, None, None]),
        (Fault::status(StatusCode::IM_A_TEAPOT).on_call(2), [None, Some(ErrorKind::Protocol), None, None]),
    ] {
        let double = double().fault_stock(fault.clone());
        assert_eq!(ends(&double.client(), 4).await, expected, "{fault:?}");
        assert_eq!(double.stock_calls(), 4, "those that go wrong are counted too");
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_fault_that_is_about_a_call_has_it() {
    let double = double()
        .fault_stock(Fault::error(ErrorKind::Overloaded).on_call(1))
        .fault_stock(Fault::error(ErrorKind::Unavailable).times(2));
    let expected = [Some(ErrorKind::Overloaded), Some(ErrorKind::Unavailable), None];
    assert_eq!(ends(&double.client(), 3).await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_is_one_until_the_time_is_over() {
    let double = double().fault_stock(Fault::delay(Duration::from_secs(2)));
    let client = double.client();
    let began = Instant::now();
    assert_eq!(ends(&client, 1).await, [None]);
    assert_eq!(began.elapsed().as_secs(), 2);

    let hasty = client.with(CallOptions::new().timeout(Duration::from_secs(1)));
    let began = Instant::now();
    assert_eq!(ends(&hasty, 1).await, [Some(ErrorKind::DeadlineExceeded)]);
    assert_eq!(began.elapsed().as_secs(), 1);

    let context = Context::default().with_timeout(Duration::from_millis(500));
    let began = Instant::now();
    assert_eq!(context.scope(ends(&client, 1)).await, [Some(ErrorKind::DeadlineExceeded)]);
    assert_eq!(began.elapsed().as_millis(), 500);
}

#[tokio::test(start_paused = true)]
async fn silence_ends_with_the_call() {
    let double = double().fault_stock(Fault::silence());
    let began = Instant::now();
    assert_eq!(ends(&double.client(), 1).await, [Some(ErrorKind::DeadlineExceeded)]);
    assert_eq!(began.elapsed().as_secs(), 5, "as long as a call takes unless set otherwise");
}

#[tokio::test(start_paused = true)]
async fn an_error_may_take_its_time() {
    let double = double().fault_stock(Fault::error(ErrorKind::Unavailable).after(Duration::from_secs(3)));
    let began = Instant::now();
    assert_eq!(ends(&double.client(), 1).await, [Some(ErrorKind::Unavailable)]);
    assert_eq!(began.elapsed().as_secs(), 3);
}
