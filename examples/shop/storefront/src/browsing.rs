//! Home, category, search, product.

use catalog_contract::{CatalogError, Find, Sort as By};
use chassis::prelude::*;
use serde::Deserialize;

use crate::pages::{Frame, HomePage, Link, ListingPage, Notice, ProblemPage, ProductPage, Sort, Stock};
use crate::response::{Page, show};
use crate::session::Visitor;
use crate::{StorefrontService, assets, session, store, view};

/// The products of the opening picture.
const HEROES: [&str; 3] = ["FUR-04", "LIG-06", "PLA-01"];

/// How a listing is to be sorted.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Sorting {
    sort: String,
}

/// What is searched for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Search {
    q: String,
    sort: String,
}

impl Frame {
    /// A frame for when nothing can be asked.
    pub(crate) fn bare() -> Self {
        Self { assets: assets::VERSION, ..Self::default() }
    }

    /// The same frame with something to tell.
    pub(crate) fn saying(mut self, notice: impl Into<Option<Notice>>) -> Self {
        self.notice = notice.into();
        self
    }
}

impl StorefrontService {
    /// What stands around a page, for the browser that asks.
    pub(crate) async fn frame(&self, visitor: Option<&Visitor>) -> Result<Frame> {
        let cart = match visitor {
            Some(visitor) => store::cart(&self.db, &visitor.shopper).await?,
            None => Vec::new(),
        };
        let categories = self.shelf.categories().await;
        Ok(Frame {
            categories: categories.iter().map(view::link).collect(),
            cart_count: cart.iter().map(|line| line.quantity).sum(),
            ..Frame::bare()
        })
    }

    /// The same for a request.
    pub(crate) async fn frame_of(&self, headers: &HeaderMap) -> Result<Frame> {
        self.frame(session::visitor(&self.db, headers).await?.as_ref()).await
    }

    pub(crate) async fn show_home(&self, headers: &HeaderMap) -> Page {
        let labelled =
            |label: &str, limit| Find { label: Some(label.to_owned()), limit: Some(limit), ..Find::default() };
        let find_heroes = Find { sku: HEROES.map(str::to_owned).to_vec(), ..Find::default() };
        let (heroes, loved, fresh) = tokio::try_join!(
            self.catalog.products(find_heroes),
            self.catalog.products(labelled("loved", 12)),
            self.catalog.products(labelled("new", 4)),
        )?;
        let find = |sku: &&str| heroes.iter().find(|product| product.sku == **sku);
        let page = HomePage {
            frame: self.frame_of(headers).await?,
            heroes: HEROES.iter().filter_map(find).map(view::card).collect(),
            tiles: self.shelf.categories().await.iter().map(view::tile).collect(),
            loved: loved.iter().map(view::card).collect(),
            fresh: fresh.iter().map(view::card).collect(),
        };
        show(StatusCode::OK, &page)
    }

    pub(crate) async fn show_category(&self, headers: &HeaderMap, slug: &str, sorting: &Sorting) -> Page {
        let categories = self.shelf.categories().await;
        let Some(category) = categories.iter().find(|category| category.slug == slug) else {
            return self.show_not_found(headers).await;
        };
        let (sort, sorts) = sorts(&sorting.sort);
        let find = Find { category: Some(slug.to_owned()), sort, ..Find::default() };
        let products = self.catalog.products(find).await?;
        let page = ListingPage {
            frame: Frame { category: slug.to_owned(), ..self.frame_of(headers).await? },
            title: category.name.clone(),
            blurb: category.blurb.clone(),
            search: false,
            sorts,
            products: products.iter().map(view::card).collect(),
        };
        show(StatusCode::OK, &page)
    }

    pub(crate) async fn show_search(&self, headers: &HeaderMap, search: Search) -> Page {
        let query: String = search.q.trim().chars().take(80).collect();
        let (sort, sorts) = sorts(&search.sort);
        let find = Find { search: Some(query.clone()), sort, ..Find::default() };
        let products = if query.is_empty() { Vec::new() } else { self.catalog.products(find).await? };
        let blurb = match products.len() {
            0 => String::new(),
            1 => format!("We have one thing for “{query}”."),
            many => format!("We have {many} things for “{query}”."),
        };
        let page = ListingPage {
            frame: Frame { query, ..self.frame_of(headers).await? },
            title: "Search".to_owned(),
            blurb,
            search: true,
            sorts,
            products: products.iter().map(view::card).collect(),
        };
        show(StatusCode::OK, &page)
    }

    pub(crate) async fn show_product(&self, headers: &HeaderMap, sku: String) -> Page {
        let visitor = session::visitor(&self.db, headers).await?;
        self.product_page(visitor.as_ref(), sku, None).await
    }

    /// A product's page, perhaps with something to tell about what was just tried.
    pub(crate) async fn product_page(&self, visitor: Option<&Visitor>, sku: String, notice: Option<Notice>) -> Page {
        let product = match self.catalog.product(sku).await {
            Ok(product) => product,
            Err(CatalogError::UnknownProduct { .. }) => return not_found(self.frame(visitor).await?),
            Err(error) => return Err(error.into()),
        };
        let related = Find { category: Some(product.category.clone()), limit: Some(5), ..Find::default() };
        let (stock, related) = tokio::join!(self.stock(&product.sku), self.catalog.products(related));
        let categories = self.shelf.categories().await;
        let category = categories.iter().find(|category| category.slug == product.category).map(view::link);
        let frame = self.frame(visitor).await?;
        let status = if notice.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
        let page = ProductPage {
            frame: Frame { category: product.category.clone(), ..frame.saying(notice) },
            category: category
                .unwrap_or_else(|| Link { slug: product.category.clone(), name: product.category.clone() }),
            stock,
            related: related
                .unwrap_or_default()
                .iter()
                .filter(|other| other.sku != product.sku)
                .take(4)
                .map(view::card)
                .collect(),
            product: view::card(&product),
        };
        show(status, &page)
    }

    /// How many there are, as far as the inventory says.
    async fn stock(&self, sku: &str) -> Stock {
        match self.inventory.stock(sku.to_owned()).await {
            Ok(stock) => Stock::of(stock.available),
            Err(error) => {
                tracing::warn!(sku, error = %Error::from(error), "the stock is not known");
                Stock::Unknown
            }
        }
    }

    pub(crate) async fn show_not_found(&self, headers: &HeaderMap) -> Page {
        not_found(self.frame_of(headers).await?)
    }
}

pub(crate) fn not_found(frame: Frame) -> Page {
    show(StatusCode::NOT_FOUND, &ProblemPage::not_found(frame))
}

/// The order that was asked for, and all that there are.
fn sorts(wanted: &str) -> (By, Vec<Sort>) {
    const ALL: [(&str, &str, By); 4] = [
        ("shop", "Our choice", By::Shop),
        ("cheapest", "Price, low to high", By::Cheapest),
        ("dearest", "Price, high to low", By::Dearest),
        ("name", "Name", By::Name),
    ];
    let (chosen, _, by) = ALL.into_iter().find(|(value, ..)| *value == wanted).unwrap_or(ALL[0]);
    let sorts = ALL.into_iter().map(|(value, name, _)| Sort { value, name, chosen: value == chosen });
    (by, sorts.collect())
}
