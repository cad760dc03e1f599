//! Cart and checkout.

mod accepted;

use catalog_contract::{CatalogError, Find, Product};
use chassis::contract::ApiError as _;
use chassis::prelude::*;
use orders_contract::{Checkout, Customer, OrderPlaced, OrdersError, PlacedLine};
use serde::Deserialize;
use shop_money::{Currency, Money};
use uuid::Uuid;

use crate::pages::{CARDS, CartPage, CheckoutForm, CheckoutPage, Line, Notice};
use crate::response::{Page, show};
use crate::session::Visitor;
use crate::store::CartLine;
use crate::{StorefrontService, session, store, view};
use accepted::Accepted;

/// The most of one article that a cart may have.
const MOST: i64 = 20;

/// What is to be put into the cart. Texts, so that nonsense gets a sentence instead of a bare refusal.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct CartEntry {
    sku: String,
    quantity: String,
}

/// How many of an article are to be in the cart.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct CartQuantity {
    quantity: String,
}

/// The checkout's form as it was sent.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct CheckoutFields {
    key: String,
    lines: String,
    name: String,
    email: String,
    street: String,
    postcode: String,
    city: String,
    token: String,
}

impl StorefrontService {
    pub(crate) async fn show_cart(&self, headers: &HeaderMap, notice: Option<Notice>) -> Page {
        let visitor = session::visitor(&self.db, headers).await?;
        let cart = match &visitor {
            Some(visitor) => store::cart(&self.db, &visitor.shopper).await?,
            None => Vec::new(),
        };
        let accepted = self.priced(&cart).await?;
        let products = self.products(&accepted).await?;
        let status = if notice.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
        let page = CartPage {
            frame: self.frame(visitor.as_ref()).await?.saying(notice),
            lines: lines(&accepted, &products),
            total: total(&accepted),
        };
        show(status, &page)
    }

    pub(crate) async fn put_into_cart(&self, headers: &HeaderMap, entry: CartEntry) -> Page {
        let visitor = session::visitor(&self.db, headers).await?;
        let Some(quantity) = quantity(&entry.quantity).filter(|quantity| *quantity > 0) else {
            return self.product_page(visitor.as_ref(), entry.sku, Some(wrong_quantity())).await;
        };
        match self.catalog.product(entry.sku.clone()).await {
            Ok(_) => {}
            Err(CatalogError::UnknownProduct { .. }) => return self.show_not_found(headers).await,
            Err(error) => return Err(error.into()),
        }
        let (visitor, cookie) = match visitor {
            Some(visitor) => (visitor, None),
            None => session::welcome(&self.db).await.map(|(visitor, cookie)| (visitor, Some(cookie)))?,
        };
        store::add(&self.db, &visitor.shopper, &entry.sku, quantity, MOST).await?;
        let to_cart = Redirect::to("/cart");
        Ok(match cookie {
            Some(cookie) => ([("set-cookie", cookie)], to_cart).into_response(),
            None => to_cart.into_response(),
        })
    }

    pub(crate) async fn change_quantity(&self, headers: &HeaderMap, sku: &str, wanted: &CartQuantity) -> Page {
        let Some(visitor) = session::visitor(&self.db, headers).await? else {
            return Ok(Redirect::to("/cart").into_response());
        };
        let Some(quantity) = quantity(&wanted.quantity) else {
            return self.show_cart(headers, Some(wrong_quantity())).await;
        };
        store::set(&self.db, &visitor.shopper, sku, quantity).await?;
        Ok(Redirect::to("/cart").into_response())
    }

    pub(crate) async fn show_checkout(&self, headers: &HeaderMap) -> Page {
        let Some(visitor) = session::visitor(&self.db, headers).await? else {
            return Ok(Redirect::to("/cart").into_response());
        };
        let form = CheckoutForm { token: CARDS[0].token.to_owned(), ..CheckoutForm::default() };
        self.fresh_checkout(&visitor, form, StatusCode::OK, None).await
    }

    pub(crate) async fn place(&self, headers: &HeaderMap, fields: CheckoutFields) -> Page {
        let Some(visitor) = session::visitor(&self.db, headers).await? else {
            return Ok(Redirect::to("/cart").into_response());
        };
        let CheckoutFields { key, lines, name, email, street, postcode, city, token } = fields;
        let form = CheckoutForm { name, email, street, postcode, city, token };
        let (Ok(key), Some(accepted)) = (Uuid::parse_str(&key), accepted::parse(&lines)) else {
            let notice =
                Notice::bad("stale_form", "This form is no longer complete. Please look again and send it once more.");
            return self.fresh_checkout(&visitor, form, StatusCode::UNPROCESSABLE_ENTITY, Some(notice)).await;
        };
        let key = key.to_string();
        let checkout = Checkout {
            shopper: visitor.shopper.clone(),
            customer: Customer {
                name: form.name.clone(),
                email: form.email.clone(),
                street: form.street.clone(),
                postcode: form.postcode.clone(),
                city: form.city.clone(),
            },
            lines: accepted.iter().map(Accepted::to_line).collect(),
            payment_token: form.token.clone(),
        };
        match self.orders.check_out(key.clone(), checkout).await {
            Ok(order) => {
                let lines =
                    order.lines.iter().map(|line| PlacedLine { sku: line.sku.clone(), quantity: line.quantity });
                let placed = OrderPlaced {
                    order_id: order.id.clone(),
                    shopper: order.shopper,
                    lines: lines.collect(),
                    total: order.total,
                    placed_at: order.placed_at,
                };
                let mut tx = self.db.begin().await?;
                store::see_placed(&mut tx, &placed).await?;
                tx.commit().await?;
                Ok(Redirect::to(&format!("/orders/{}", order.id)).into_response())
            }
            Err(OrdersError::Unexpected(error)) => {
                // Whether there is an order now is not known. The same form with the same key finds out, and makes no second one.
                tracing::warn!(error = format!("{error:#}"), "no answer to a checkout");
                let text = "We have not heard back from our own order desk. Please press the button again: it will be one order.";
                let (status, notice) = (StatusCode::SERVICE_UNAVAILABLE, Notice::bad("no_answer", text));
                self.checkout_page(&visitor, key, &accepted, form, status, Some(notice)).await
            }
            Err(refused) => {
                let (status, notice) = told(&refused);
                self.fresh_checkout(&visitor, form, status, Some(notice)).await
            }
        }
    }

    /// A checkout of what is in the cart now, at the prices of now, under a key of its own.
    async fn fresh_checkout(
        &self,
        visitor: &Visitor,
        form: CheckoutForm,
        status: StatusCode,
        notice: Option<Notice>,
    ) -> Page {
        let cart = store::cart(&self.db, &visitor.shopper).await?;
        let accepted = self.priced(&cart).await?;
        if accepted.is_empty() {
            let (status, notice) = told(&OrdersError::EmptyCart);
            let page = CartPage {
                frame: self.frame(Some(visitor)).await?.saying(notice),
                lines: Vec::new(),
                total: total(&accepted),
            };
            return show(status, &page);
        }
        self.checkout_page(visitor, Uuid::new_v4().to_string(), &accepted, form, status, notice).await
    }

    async fn checkout_page(
        &self,
        visitor: &Visitor,
        key: String,
        accepted: &[Accepted],
        form: CheckoutForm,
        status: StatusCode,
        notice: Option<Notice>,
    ) -> Page {
        let products = self.products(accepted).await.unwrap_or_default();
        let page = CheckoutPage {
            frame: self.frame(Some(visitor)).await?.saying(notice),
            key,
            accepted: accepted::format(accepted),
            form,
            cards: CARDS,
            lines: lines(accepted, &products),
            total: total(accepted),
        };
        show(status, &page)
    }

    /// The articles of a cart at the prices of now. What is no longer for sale is left out.
    async fn priced(&self, cart: &[CartLine]) -> Result<Vec<Accepted>, CatalogError> {
        if cart.is_empty() {
            return Ok(Vec::new());
        }
        let find = Find { sku: cart.iter().map(|line| line.sku.clone()).collect(), ..Find::default() };
        let products = self.catalog.products(find).await?;
        let priced = cart.iter().filter_map(|line| {
            let product = products.iter().find(|product| product.sku == line.sku)?;
            Some(Accepted { sku: line.sku.clone(), quantity: line.quantity, unit_price: product.price })
        });
        Ok(priced.collect())
    }

    async fn products(&self, accepted: &[Accepted]) -> Result<Vec<Product>, CatalogError> {
        if accepted.is_empty() {
            return Ok(Vec::new());
        }
        let sku = accepted.iter().map(|line| line.sku.clone()).collect();
        self.catalog.products(Find { sku, ..Find::default() }).await
    }
}

fn lines(accepted: &[Accepted], products: &[Product]) -> Vec<Line> {
    let line = |line: &Accepted| {
        let product = products.iter().find(|product| product.sku == line.sku);
        Line {
            sku: line.sku.clone(),
            name: product.map_or_else(|| line.sku.clone(), |product| product.name.clone()),
            picture: product.map_or_else(|| view::NO_PICTURE.to_owned(), |product| view::picture(&product.picture)),
            quantity: line.quantity,
            unit: line.unit_price.to_string(),
            total: line.unit_price.times(line.quantity).map(|total| total.to_string()).unwrap_or_default(),
        }
    };
    accepted.iter().map(line).collect()
}

fn total(accepted: &[Accepted]) -> String {
    let zero = Money::zero(accepted.first().map_or(Currency::Eur, |line| line.unit_price.currency));
    let sum = accepted.iter().try_fold(zero, |sum, line| sum.plus(line.unit_price.times(line.quantity)?));
    sum.map(|sum| sum.to_string()).unwrap_or_default()
}

/// A quantity that a cart may have, none included.
fn quantity(text: &str) -> Option<i64> {
    text.trim().parse().ok().filter(|quantity| (0..=MOST).contains(quantity))
}

fn wrong_quantity() -> Notice {
    Notice::bad("invalid_quantity", format!("You can order between 1 and {MOST} of each thing."))
}

/// How a refusal is told to a shopper.
fn told(refused: &OrdersError) -> (StatusCode, Notice) {
    let label = refused.label();
    let status = label.as_ref().and_then(|label| StatusCode::from_u16(label.status).ok());
    let (code, text) = label.map(|label| (label.code, label.detail.unwrap_or_default())).unwrap_or_default();
    (status.unwrap_or(StatusCode::UNPROCESSABLE_ENTITY), Notice::bad(code, text))
}
