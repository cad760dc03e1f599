//! The categories, which every page names: kept for a while, so that not every page asks for them.

use std::sync::{Arc, PoisonError, RwLock};

use catalog_contract::{CatalogClient, Category};
use chassis::Error;
use tokio::time::{Duration, Instant};

/// For how long they are kept.
const FRESH: Duration = Duration::from_secs(30);

/// The categories as they were a moment ago.
pub(crate) struct Shelf {
    catalog: CatalogClient,
    kept: RwLock<Option<(Instant, Arc<Vec<Category>>)>>,
}

impl Shelf {
    pub(crate) fn new(catalog: CatalogClient) -> Self {
        Self { catalog, kept: RwLock::new(None) }
    }

    /// The categories; those of earlier while the catalog does not answer, and none if it never has.
    pub(crate) async fn categories(&self) -> Arc<Vec<Category>> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((at, categories)) = &kept
            && at.elapsed() < FRESH
        {
            return Arc::clone(categories);
        }
        match self.catalog.categories().await {
            Ok(categories) => {
                let categories = Arc::new(categories);
                let entry = Some((Instant::now(), Arc::clone(&categories)));
                *self.kept.write().unwrap_or_else(PoisonError::into_inner) = entry;
                categories
            }
            Err(error) => {
                tracing::warn!(error = %Error::from(error), "the catalog does not name its categories");
                kept.map(|(_, categories)| categories).unwrap_or_default()
            }
        }
    }
}
