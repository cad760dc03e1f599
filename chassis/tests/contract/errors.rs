//! What `?` does with errors, in both forms of an error enum.

use chassis::contract::{ApiError as _, OrUnexpected};
use chassis::prelude::*;

use crate::shape::{InventoryClient, InventoryError, Sku};

/// An enum that is a `std` error, and has conversions of its own.
#[derive(Debug, ApiError)]
pub enum OrdersError {
    #[api(status = 404)]
    UnknownOrder,
    #[api(status = 400, code = "bad_number")]
    BadNumber { text: String },
    #[api(unexpected, from(std::io::Error, chassis::Error))]
    Unexpected(chassis::Error),
}

impl std::fmt::Display for OrdersError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("orders")
    }
}

impl std::error::Error for OrdersError {}

impl From<std::num::ParseIntError> for OrdersError {
    fn from(error: std::num::ParseIntError) -> Self {
        Self::BadNumber { text: error.to_string() }
    }
}

fn number(text: &str) -> Result<u32, OrdersError> {
    Ok(text.parse()?)
}

fn file() -> Result<String, OrdersError> {
    Ok(std::fs::read_to_string("/nowhere/at/all")?)
}

#[test]
fn listed_errors_are_unexpected_and_others_have_conversions_of_their_own() {
    assert!(matches!(number("x"), Err(OrdersError::BadNumber { .. })));
    assert!(matches!(file(), Err(OrdersError::Unexpected(_))));
}

#[test]
fn another_contracts_error_is_unexpected_when_said_so() {
    fn order(stock: Result<u32, InventoryError>) -> Result<u32, OrdersError> {
        Ok(stock.or_unexpected()?)
    }
    let error = order(Err(InventoryError::UnknownSku(Sku("mug".into())))).unwrap_err();
    let OrdersError::Unexpected(error) = error else { panic!("{error:?}") };
    assert_eq!(error.to_string(), "unknown_sku: there is no Sku(\"mug\")");
}

#[test]
fn a_promised_error_comes_back_from_a_helper() {
    fn helper() -> Result<()> {
        Err(InventoryError::OutOfStock { sku: Sku("mug".into()), available: 2 })?;
        Ok(())
    }
    fn method() -> Result<(), InventoryError> {
        Ok(helper()?)
    }
    assert!(matches!(method(), Err(InventoryError::OutOfStock { available: 2, .. })));
}

#[test]
fn an_unexpected_error_keeps_its_kind() {
    let error: InventoryError = Error::new(ErrorKind::CircuitOpen, "open").into();
    let error: Error = error.into();
    assert_eq!(error.kind(), ErrorKind::CircuitOpen);
    assert!(InventoryError::from(error).label().is_none());
}

/// A client is a part: this compiles, and says which settings it needs.
pub struct Orders {
    pub inventory: InventoryClient,
}

#[service(name = "orders")]
impl Orders {
    #[init]
    async fn new(inventory: InventoryClient) -> Result<Self> {
        Ok(Self { inventory })
    }

    #[get("/stock/{sku}")]
    async fn stock(&self, Path(sku): Path<String>) -> String {
        match self.inventory.stock(Sku(sku)).await {
            Ok(stock) => stock.available.to_string(),
            Err(_) => "unknown".to_owned(),
        }
    }
}

#[test]
fn a_client_says_which_settings_it_reads() {
    let mut needs = chassis::app::Needs::default();
    <InventoryClient as chassis::app::Part>::needs(&mut needs);
    assert_eq!(needs.sections.iter().map(|section| section.path()).collect::<Vec<_>>(), ["clients.inventory"]);
}
