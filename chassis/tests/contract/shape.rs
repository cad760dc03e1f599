//! A contract that uses everything that a contract can have, and a service that implements it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chassis::prelude::*;
use tokio::sync::Notify;

#[model]
#[derive(PartialEq)]
pub struct Sku(pub String);

#[model]
#[derive(PartialEq)]
pub struct Stock {
    pub sku: Sku,
    pub available: u32,
}

#[model]
pub struct Line {
    pub sku: Sku,
    pub quantity: u32,
}

#[model]
pub struct Reserve {
    pub order: u64,
    pub lines: Vec<Line>,
}

#[model]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    Name,
    Price,
}

#[model]
pub struct Search {
    pub text: Option<String>,
    #[serde(default)]
    pub tags: Vec<String>,
    pub sort: Sort,
    #[serde(default)]
    pub page: u32,
}

#[derive(Debug, ApiError)]
pub enum InventoryError {
    /// Not enough of it.
    ///
    /// Somebody else was faster.
    #[api(status = 409, code = "out_of_stock", message = "only {available} left")]
    OutOfStock { sku: Sku, available: u32 },
    #[api(status = 404, message = "there is no {0:?}")]
    UnknownSku(Sku),
    #[api(status = 410)]
    Closed,
    #[api(unexpected)]
    Unexpected(chassis::Error),
}

#[contract(name = "inventory", version = 2)]
pub trait Inventory {
    /// Units on hand.
    ///
    /// Reserved ones are not counted.
    #[get("/stock/{sku}")]
    async fn stock(&self, sku: Sku) -> Result<Stock, InventoryError>;

    #[get("/numbers/{number}/{negative}")]
    async fn number(&self, number: u32, negative: bool) -> Result<i64, InventoryError>;

    #[get("/search")]
    async fn search(&self, search: Search) -> Result<Vec<String>, InventoryError>;

    #[post("/reservations", idempotent, status = 201)]
    async fn reserve(&self, request: Reserve) -> Result<u64, InventoryError>;

    #[put("/stock/{sku}")]
    async fn set(
        &self,
        sku: Sku,
        #[header("if-match")] etag: Option<String>,
        available: u32,
    ) -> Result<Reply<Stock>, InventoryError>;

    #[delete("/stock/{sku}", status = 202)]
    async fn remove(&self, sku: Sku) -> chassis::Result<()>;

    #[post("/work")]
    async fn work(&self, what: String) -> Result<(), InventoryError>;

    #[get("/sleep", timeout = "4s")]
    async fn sleep(&self) -> Result<(), InventoryError>;

    /// Its key is an argument.
    #[post("/charges", idempotent)]
    async fn charge(&self, #[header("idempotency-key")] key: String, amount: u32) -> Result<String, InventoryError>;
}

/// Answers, remembers, and waits when told to.
#[derive(Default)]
pub struct Service {
    pub reached: AtomicUsize,
    pub finished: AtomicUsize,
    pub gate: Notify,
}

impl Inventory for Arc<Service> {
    async fn stock(&self, sku: Sku) -> Result<Stock, InventoryError> {
        match sku.0.as_str() {
            "none" => Err(InventoryError::UnknownSku(sku)),
            "closed" => Err(InventoryError::Closed),
            _ => Ok(Stock { sku, available: 7 }),
        }
    }

    async fn number(&self, number: u32, negative: bool) -> Result<i64, InventoryError> {
        Ok(if negative { -i64::from(number) } else { i64::from(number) })
    }

    async fn search(&self, search: Search) -> Result<Vec<String>, InventoryError> {
        Ok(search.text.into_iter().chain(search.tags).chain([search.page.to_string()]).collect())
    }

    async fn reserve(&self, request: Reserve) -> Result<u64, InventoryError> {
        for line in &request.lines {
            if line.quantity > 7 {
                return Err(InventoryError::OutOfStock { sku: line.sku.clone(), available: 7 });
            }
        }
        Ok(request.order)
    }

    async fn set(&self, sku: Sku, etag: Option<String>, available: u32) -> Result<Reply<Stock>, InventoryError> {
        let etag = etag.unwrap_or_else(|| "new".to_owned());
        Ok(Reply::new(Stock { sku, available }).with_status(StatusCode::ACCEPTED).with_header("etag", etag))
    }

    async fn remove(&self, _: Sku) -> chassis::Result<()> {
        Ok(())
    }

    async fn work(&self, what: String) -> Result<(), InventoryError> {
        self.reached.fetch_add(1, Ordering::SeqCst);
        match what.as_str() {
            "panic" => panic!("the password is hunter2"),
            "fail" => return Err(Error::msg("the password is hunter2").into()),
            "helper" => helper()?,
            "wait" => self.gate.notified().await,
            "busy" => return Err(Error::new(ErrorKind::Overloaded, "the queue is full").into()),
            _ => {}
        }
        self.finished.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    async fn sleep(&self) -> Result<(), InventoryError> {
        self.gate.notified().await;
        Ok(())
    }

    async fn charge(&self, key: String, _: u32) -> Result<String, InventoryError> {
        Ok(key)
    }
}

fn helper() -> chassis::Result<()> {
    Err(InventoryError::Closed.into())
}
