//! What operators ask for: filters in addresses, orders in bodies.

use axum::extract::{FromRequest, FromRequestParts, Request};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::http::{Json, Problem, fault};
use crate::messaging::dead_letters::{Filter, Selection};

/// How many a list shows unless it is asked for more.
const LIST: usize = 100;
/// How many a list shows at most.
const LIST_MOST: usize = 1_000;
/// How many an order is about at most.
const ORDER_MOST: u64 = 10_000;

/// A body that must be declared as JSON: that is what a page of another origin cannot send without asking first.
pub(super) struct Order<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Order<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !request.headers().contains_key(CONTENT_TYPE) {
            let detail = "Send what is to be done as JSON, with `content-type: application/json`.";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type").detail(detail));
        }
        let Json(order) = Json::from_request(request, state).await?;
        Ok(Self(order))
    }
}

/// What a list is to show: the query of its address.
pub(super) struct Wanted {
    pub(super) filter: Filter,
    pub(super) limit: usize,
}

impl<S: Sync> FromRequestParts<S> for Wanted {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let said: Vec<(String, String)> = serde_html_form::from_str(parts.uri.query().unwrap_or_default())
            .map_err(|_| invalid("/query", "is not percent-encoded text"))?;
        let (mut limit, mut filter) = (LIST, Map::new());
        for (name, value) in said {
            if name == "limit" {
                let number = value.parse().ok().filter(|number| (1..=LIST_MOST).contains(number));
                limit = number.ok_or_else(|| invalid("/query/limit", "expected a number from 1 to 1000"))?;
            } else {
                filter.insert(name, Value::String(value));
            }
        }
        let filter = Value::Object(filter);
        let filter = serde_path_to_error::deserialize(filter).map_err(|error| {
            let fault = fault::of("/query", error.path(), &error.inner().to_string());
            invalid(&fault.pointer, &fault.message)
        })?;
        Ok(Self { filter, limit })
    }
}

/// Which messages an order is about, and how many at most.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Selected {
    id: Option<String>,
    filter: Option<Filter>,
    all: bool,
    limit: Option<u64>,
    /// For replays only.
    per_second: Option<u32>,
}

impl Selected {
    /// What is selected: exactly one of `id`, a filter that says something, and, where `all` may be said, `all`.
    pub(super) fn selection(&self, all_may_be_said: bool) -> Result<Selection, Problem> {
        let filter = self.filter.clone().filter(|filter| !filter.is_empty());
        match (self.id.clone(), filter, self.all) {
            (Some(id), None, false) => Ok(Selection::Id(id)),
            (None, Some(filter), false) => Ok(Selection::Matching(filter)),
            (None, None, true) if all_may_be_said => Ok(Selection::All),
            _ if all_may_be_said => Err(invalid("", "expected one of `id`, `filter` with a condition, `all: true`")),
            _ => Err(invalid("", "expected one of `id` and `filter` with a condition")),
        }
    }

    /// How many at most.
    pub(super) fn most(&self) -> Result<u64, Problem> {
        let most = self.limit.unwrap_or(ORDER_MOST);
        let most = (1..=ORDER_MOST).contains(&most).then_some(most);
        most.ok_or_else(|| invalid("/limit", "expected a number from 1 to 10000"))
    }

    /// How many in a second; `None` where nothing is said.
    pub(super) fn per_second(&self) -> Result<Option<u32>, Problem> {
        match self.per_second {
            Some(rate) if !(1..=1_000).contains(&rate) => {
                Err(invalid("/per_second", "expected a number from 1 to 1000"))
            }
            rate => Ok(rate),
        }
    }

    /// Refuses what is for replays only.
    pub(super) fn without_rate(self) -> Result<Self, Problem> {
        match self.per_second {
            Some(_) => Err(invalid("/per_second", "is for replays only")),
            None => Ok(self),
        }
    }
}

fn invalid(pointer: &str, message: &str) -> Problem {
    let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_request");
    problem.detail("The request is not what this address takes.").field(pointer, message)
}
