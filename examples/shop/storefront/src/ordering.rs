//! One order, live, and all of them.

use std::convert::Infallible;

use askama::Template;
use catalog_contract::{Find, Product};
use chassis::axum::response::sse::{Event, Sse};
use chassis::prelude::*;
use futures_util::stream;
use orders_contract::{Order, OrdersError};
use tokio::time::{Duration, Instant, timeout};

use crate::pages::{OrderPage, OrderStatus, OrdersPage};
use crate::response::{Page, show};
use crate::{StorefrontService, session, store, view};

/// How long one connection follows an order; the browser then comes back for the rest. Short enough not to hold up a shutdown.
const WATCH: Duration = Duration::from_secs(10);
/// How long to wait for the bell before looking anyway: it may ring in another replica.
const LOOK: Duration = Duration::from_secs(1);

impl StorefrontService {
    pub(crate) async fn show_orders(&self, headers: &HeaderMap) -> Page {
        let visitor = session::visitor(&self.db, headers).await?;
        let seen = match &visitor {
            Some(visitor) => store::seen(&self.db, &visitor.shopper).await?,
            None => Vec::new(),
        };
        let page =
            OrdersPage { frame: self.frame(visitor.as_ref()).await?, orders: seen.iter().map(view::row).collect() };
        show(StatusCode::OK, &page)
    }

    pub(crate) async fn show_order(&self, headers: &HeaderMap, id: String) -> Page {
        let Some(order) = self.own_order(headers, id).await? else { return self.show_not_found(headers).await };
        let products = self.pictured(&order).await;
        let page = OrderPage { frame: self.frame_of(headers).await?, order: view::order(&order, &products) };
        show(StatusCode::OK, &page)
    }

    pub(crate) async fn watch_order(&self, headers: &HeaderMap, id: String) -> Page {
        let Some(order) = self.own_order(headers, id).await? else { return self.show_not_found(headers).await };
        let watched = Watched {
            id: order.id,
            orders: self.orders.clone(),
            bell: self.bell.subscribe(),
            shown: None,
            until: Instant::now() + WATCH,
            context: Context::current(),
        };
        let states = stream::unfold(watched, |watched| watched.next());
        let headers = [("cache-control", "no-store"), ("x-accel-buffering", "no")];
        Ok((headers, Sse::new(states)).into_response())
    }

    /// The order, if it is one of this browser's. That another's exists is not told either.
    async fn own_order(&self, headers: &HeaderMap, id: String) -> Result<Option<Order>, OrdersError> {
        let Some(visitor) = session::visitor(&self.db, headers).await? else { return Ok(None) };
        match self.orders.order(id).await {
            Ok(order) => Ok(Some(order).filter(|order| order.shopper == visitor.shopper)),
            Err(OrdersError::UnknownOrder) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The products of an order, for their pictures; the page does without where the catalog does not answer.
    async fn pictured(&self, order: &Order) -> Vec<Product> {
        let sku = order.lines.iter().map(|line| line.sku.clone()).collect();
        self.catalog.products(Find { sku, ..Find::default() }).await.unwrap_or_default()
    }
}

/// An order that somebody is watching.
struct Watched {
    id: String,
    orders: orders_contract::OrdersClient,
    bell: tokio::sync::watch::Receiver<u64>,
    /// The state that the page shows.
    shown: Option<orders_contract::OrderState>,
    until: Instant,
    context: Context,
}

impl Watched {
    /// Waits until the order is in another state than the one that is shown; `None` when there is nothing more to say.
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        if self.shown.is_some_and(|state| state.is_final()) {
            return None;
        }
        loop {
            self.bell.borrow_and_update();
            let order = self.context.clone().scope(self.orders.order(self.id.clone())).await.ok()?;
            if self.shown != Some(order.state) {
                self.shown = Some(order.state);
                let html = OrderStatus { order: view::order(&order, &[]) }.render().ok()?;
                return Some((Ok(Event::default().event("state").retry(Duration::from_millis(500)).data(html)), self));
            }
            if Instant::now() >= self.until {
                return None;
            }
            let _ = timeout(LOOK, self.bell.changed()).await;
        }
    }
}
