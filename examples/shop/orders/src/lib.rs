//! The orders: takes them, and sees each one through to its end.
//!
//! An order is placed, its goods are put aside, its payment is asked for, and it is confirmed; or it is cancelled, and whoever did
//! something for it undoes that. All of it goes by events. Each step is one transaction: the order's new state, the event that
//! tells of it, and the note that the event behind it was handled.

mod checkout;
mod store;
mod transition;

use catalog_contract::{CatalogClient, Find};
use chassis::prelude::*;
use inventory_contract::{StockRejected, StockReserved};
use orders_contract::{
    Checkout, Order, OrderCancelled, OrderConfirmed, OrderPlaced, Orders, OrdersError, PaymentRequested, PlacedLine,
};
use payments_contract::{PaymentAuthorised, PaymentDeclined};
use store::Known;
use transition::{Happened, Next};

/// The service.
pub struct OrdersService {
    db: Database,
    events: Publisher,
    catalog: CatalogClient,
}

#[service(name = "orders", provides(Orders), migrations = "migrations")]
impl OrdersService {
    #[init]
    #[expect(missing_docs, reason = "called by the chassis")]
    pub async fn new(db: Database, events: Publisher, catalog: CatalogClient) -> Result<Self> {
        Ok(Self { db, events, catalog })
    }

    /// The goods are put aside: the payment can be asked for.
    #[subscribe]
    async fn stock_reserved(&self, stock: Delivery<StockReserved>, tx: &mut Tx) -> Result<()> {
        self.advance(tx, &stock.order_id, Happened::StockReserved).await
    }

    /// There is not enough: the order is given up.
    #[subscribe]
    async fn stock_rejected(&self, stock: Delivery<StockRejected>, tx: &mut Tx) -> Result<()> {
        self.advance(tx, &stock.order_id, Happened::StockRejected).await
    }

    /// It is paid: the order is confirmed.
    #[subscribe]
    async fn payment_authorised(&self, payment: Delivery<PaymentAuthorised>, tx: &mut Tx) -> Result<()> {
        self.advance(tx, &payment.order_id, Happened::PaymentAuthorised).await
    }

    /// It was not paid: the order is given up.
    #[subscribe]
    async fn payment_declined(&self, payment: Delivery<PaymentDeclined>, tx: &mut Tx) -> Result<()> {
        self.advance(tx, &payment.order_id, Happened::PaymentDeclined).await
    }
}

impl OrdersService {
    /// Takes an order one step further, and tells.
    async fn advance(&self, tx: &mut Tx, order_id: &str, happened: Happened) -> Result<()> {
        let current = store::current(tx, order_id).await?;
        let Some(next) = transition::next(current.state, happened) else {
            tracing::info!(order_id, state = current.state.as_str(), ?happened, "nothing follows of this any more");
            return Ok(());
        };
        store::move_on(tx, order_id, current.state, next).await?;
        let order_id = order_id.to_owned();
        match next {
            Next::Pay => {
                let request = PaymentRequested { order_id, amount: current.total, token: current.payment_token };
                self.events.publish(tx, request).await
            }
            Next::Confirm => self.events.publish(tx, OrderConfirmed { order_id }).await,
            Next::Cancel(reason) => self.events.publish(tx, OrderCancelled { order_id, reason }).await,
        }
    }

    /// The order that the key stands for already, if it does.
    async fn known(&self, key: &str, fingerprint: &str) -> Result<Option<Order>, OrdersError> {
        match store::by_key(&self.db, key).await? {
            None => Ok(None),
            Some(Known { fingerprint: other, .. }) if other != fingerprint => Err(OrdersError::KeyReused),
            Some(Known { id, .. }) => Ok(store::order(&self.db, &id).await?),
        }
    }
}

impl Orders for OrdersService {
    async fn check_out(&self, key: String, checkout: Checkout) -> Result<Order, OrdersError> {
        let fingerprint = checkout::fingerprint(&checkout)?;
        if let Some(order) = self.known(&key, &fingerprint).await? {
            return Ok(order);
        }
        checkout::check(&checkout)?;
        let find = Find { sku: checkout.lines.iter().map(|line| line.sku.clone()).collect(), ..Find::default() };
        let products = self.catalog.products(find).await.or_unexpected()?;
        let accepted = checkout::accept(&checkout.lines, &products)?;

        let mut tx = self.db.begin().await?;
        let placed = store::insert(&mut tx, &key, &fingerprint, &checkout, &accepted).await?;
        let Some(order) = placed else {
            // The same checkout was faster by a moment.
            tx.rollback().await?;
            return self.known(&key, &fingerprint).await?.ok_or(OrdersError::KeyReused);
        };
        let event = OrderPlaced {
            order_id: order.id.clone(),
            shopper: order.shopper.clone(),
            lines: order
                .lines
                .iter()
                .map(|line| PlacedLine { sku: line.sku.clone(), quantity: line.quantity })
                .collect(),
            total: order.total,
            placed_at: order.placed_at,
        };
        self.events.publish(&mut tx, event).await?;
        tx.commit().await?;
        Ok(order)
    }

    async fn order(&self, id: String) -> Result<Order, OrdersError> {
        store::order(&self.db, &id).await?.ok_or(OrdersError::UnknownOrder)
    }
}
