//! Calls inside the process, and doubles.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chassis::client::Timeouts;
use chassis::contract::{Core, Slot};
use chassis::prelude::*;

use crate::shape::{DynInventory, Inventory, InventoryClient, InventoryDouble, InventoryError, Service, Sku, Stock};

/// A client of a service in this process, which must be kept alive.
fn local() -> (Arc<Service>, Arc<dyn DynInventory>, InventoryClient) {
    let service = Arc::new(Service::default());
    let object: Arc<dyn DynInventory> = Arc::new(Arc::clone(&service));
    let slot = Slot::default();
    slot.fill("inventory", &object);
    (service, object, InventoryClient::__new(Core::local(slot, Timeouts::default())))
}

fn kind(result: Result<(), InventoryError>) -> ErrorKind {
    match result {
        Err(InventoryError::Unexpected(error)) => {
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
            error.kind()
        }
        other => panic!("{other:?} was expected to be unexpected"),
    }
}

#[tokio::test]
async fn it_answers_as_the_service_does() {
    let (_service, _keep, client) = local();
    let stock = client.stock(Sku("mug".into())).await.unwrap();
    assert_eq!(stock, Stock { sku: Sku("mug".into()), available: 7 });
    assert!(matches!(client.work("helper".into()).await, Err(InventoryError::Closed)));
    assert!(matches!(client.stock(Sku("none".into())).await, Err(InventoryError::UnknownSku(_))));
}

#[tokio::test]
async fn panics_and_unexpected_errors_tell_as_little_as_over_the_network() {
    let (_service, _keep, client) = local();
    assert_eq!(kind(client.work("panic".into()).await), ErrorKind::Unexpected);
    assert_eq!(kind(client.work("fail".into()).await), ErrorKind::Unexpected);
    assert_eq!(kind(client.work("busy".into()).await), ErrorKind::Overloaded);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_holds_and_what_changes_something_runs_to_its_end() {
    let (service, _keep, client) = local();
    assert_eq!(kind(client.sleep().await), ErrorKind::DeadlineExceeded);
    let hasty = client.with(CallOptions::new().timeout(Duration::from_millis(10)));
    assert_eq!(kind(hasty.work("wait".into()).await), ErrorKind::DeadlineExceeded);
    assert_eq!(service.finished.load(Ordering::SeqCst), 0);
    service.gate.notify_waiters();
    while service.finished.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_service_that_is_not_there_is_unavailable() {
    let client = InventoryClient::__new(Core::local(Slot::default(), Timeouts::default()));
    assert_eq!(kind(client.sleep().await), ErrorKind::Unavailable);
    let (_service, keep, client) = local();
    drop(keep);
    assert_eq!(kind(client.sleep().await), ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_double_answers_as_scripted() {
    let mut left = [1, 0].into_iter();
    let double = InventoryDouble::new().on_stock(move |sku| {
        let available = left.next().ok_or(InventoryError::Closed)?;
        Ok(Stock { sku, available })
    });
    let client = double.client();
    let generic = available(&client).await.unwrap() + available(&double).await.unwrap();
    assert_eq!(generic, 1);
    assert!(matches!(available(&client).await, Err(InventoryError::Closed)));
    assert_eq!(double.stock_calls(), 3);
}

async fn available(inventory: &impl Inventory) -> Result<i32, InventoryError> {
    Ok(i32::try_from(inventory.stock(Sku("mug".into())).await?.available)?)
}

#[tokio::test]
#[should_panic(expected = "script one with `.on_sleep(…)`")]
async fn a_double_without_an_answer_says_so() {
    let _ = InventoryDouble::new().client().sleep().await;
}
