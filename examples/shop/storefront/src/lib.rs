//! The storefront: the pages that a shopper sees.
//!
//! It owns browsers and their carts, and asks the other services for the rest. Where one of them does not answer, the page says less
//! instead of failing, if it can.

mod assets;
mod browsing;
mod buying;
mod ordering;
pub mod pages;
pub mod pictures;
mod response;
mod session;
mod shelf;
mod store;
mod view;

use std::sync::Arc;

use browsing::{Search, Sorting};
use buying::{CartEntry, CartQuantity, CheckoutFields};
use catalog_contract::CatalogClient;
use chassis::prelude::*;
use inventory_contract::InventoryClient;
use orders_contract::{OrderCancelled, OrderConfirmed, OrderPlaced, OrderState, OrdersClient, PaymentRequested};
use response::Page;
use shelf::Shelf;
use tokio::sync::watch;

/// The service.
pub struct StorefrontService {
    db: Database,
    catalog: CatalogClient,
    inventory: InventoryClient,
    orders: OrdersClient,
    shelf: Shelf,
    /// Rings when an order has moved on, for the pages that are being watched.
    bell: Arc<watch::Sender<u64>>,
}

#[service(name = "storefront", migrations = "migrations")]
impl StorefrontService {
    #[init]
    #[expect(missing_docs, reason = "called by the chassis")]
    pub async fn new(
        db: Database,
        catalog: CatalogClient,
        inventory: InventoryClient,
        orders: OrdersClient,
    ) -> Result<Self> {
        let shelf = Shelf::new(catalog.clone());
        Ok(Self { db, catalog, inventory, orders, shelf, bell: Arc::new(watch::Sender::new(0)) })
    }

    /// The first page.
    #[get("/")]
    async fn home(&self, headers: HeaderMap) -> Page {
        self.show_home(&headers).await
    }

    /// The products of a category.
    #[get("/c/{slug}")]
    async fn category(&self, Path(slug): Path<String>, Query(sorting): Query<Sorting>, headers: HeaderMap) -> Page {
        self.show_category(&headers, &slug, &sorting).await
    }

    /// The products that a search finds.
    #[get("/search")]
    async fn search(&self, Query(search): Query<Search>, headers: HeaderMap) -> Page {
        self.show_search(&headers, search).await
    }

    /// One product.
    #[get("/p/{sku}")]
    async fn product(&self, Path(sku): Path<String>, headers: HeaderMap) -> Page {
        self.show_product(&headers, sku).await
    }

    /// What is in the cart.
    #[get("/cart")]
    async fn cart(&self, headers: HeaderMap) -> Page {
        self.show_cart(&headers, None).await
    }

    /// Puts something into the cart.
    #[post("/cart")]
    async fn add_to_cart(&self, headers: HeaderMap, Form(entry): Form<CartEntry>) -> Page {
        self.put_into_cart(&headers, entry).await
    }

    /// Changes how many of something are in the cart.
    #[post("/cart/{sku}")]
    async fn change_cart(&self, Path(sku): Path<String>, headers: HeaderMap, Form(wanted): Form<CartQuantity>) -> Page {
        self.change_quantity(&headers, &sku, &wanted).await
    }

    /// The form that places an order.
    #[get("/checkout")]
    async fn checkout(&self, headers: HeaderMap) -> Page {
        self.show_checkout(&headers).await
    }

    /// Places an order.
    #[post("/checkout", idempotent, timeout = "15s")]
    async fn place_order(&self, headers: HeaderMap, Form(fields): Form<CheckoutFields>) -> Page {
        self.place(&headers, fields).await
    }

    /// The orders of this browser.
    #[get("/orders")]
    async fn orders(&self, headers: HeaderMap) -> Page {
        self.show_orders(&headers).await
    }

    /// One order.
    #[get("/orders/{id}")]
    async fn order(&self, Path(id): Path<String>, headers: HeaderMap) -> Page {
        self.show_order(&headers, id).await
    }

    /// One order, as it changes.
    #[get("/orders/{id}/live")]
    async fn live_order(&self, Path(id): Path<String>, headers: HeaderMap) -> Page {
        self.watch_order(&headers, id).await
    }

    /// A product's picture.
    #[get("/pictures/{kind}/{palette}/{variant}")]
    async fn picture(&self, Path((kind, palette, variant)): Path<(String, String, String)>) -> Response {
        assets::picture(&kind, &palette, &variant)
    }

    /// The style sheet, the script, the bird.
    #[get("/assets/{name}")]
    async fn asset(&self, Path(name): Path<String>) -> Response {
        assets::asset(&name)
    }

    /// Everything else.
    #[get("/{*path}")]
    async fn lost(&self, headers: HeaderMap) -> Page {
        self.show_not_found(&headers).await
    }

    /// Remembers the order, and takes what was ordered out of the cart.
    #[subscribe]
    async fn order_placed(&self, order: Delivery<OrderPlaced>, tx: &mut Tx) -> Result<()> {
        store::see_placed(tx, &order).await?;
        self.ring();
        Ok(())
    }

    /// The goods are put aside.
    #[subscribe]
    async fn payment_requested(&self, order: Delivery<PaymentRequested>, tx: &mut Tx) -> Result<()> {
        self.saw(tx, &order.order_id, OrderState::Reserved).await
    }

    /// The order is paid.
    #[subscribe]
    async fn order_confirmed(&self, order: Delivery<OrderConfirmed>, tx: &mut Tx) -> Result<()> {
        self.saw(tx, &order.order_id, OrderState::Confirmed).await
    }

    /// The order was given up.
    #[subscribe]
    async fn order_cancelled(&self, order: Delivery<OrderCancelled>, tx: &mut Tx) -> Result<()> {
        self.saw(tx, &order.order_id, OrderState::Cancelled).await
    }
}

impl StorefrontService {
    async fn saw(&self, tx: &mut Tx, order_id: &str, state: OrderState) -> Result<()> {
        store::see(tx, order_id, state).await?;
        self.ring();
        Ok(())
    }

    fn ring(&self) {
        self.bell.send_modify(|rung| *rung += 1);
    }
}
