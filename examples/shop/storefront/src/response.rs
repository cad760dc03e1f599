//! From pages to HTTP.

use askama::Template;
use catalog_contract::CatalogError;
use chassis::Error;
use chassis::prelude::*;
use orders_contract::OrdersError;

use crate::pages::{Frame, ProblemPage};

/// What a handler of a page returns.
pub(crate) type Page = Result<Response, Broken>;

/// Something that leaves nothing to show but an apology.
pub(crate) struct Broken(Error);

impl From<Error> for Broken {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl From<CatalogError> for Broken {
    fn from(error: CatalogError) -> Self {
        Self(error.into())
    }
}

impl From<OrdersError> for Broken {
    fn from(error: OrdersError) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Broken {
    fn into_response(self) -> Response {
        let Self(error) = self;
        let status = match error.kind() {
            ErrorKind::DeadlineExceeded | ErrorKind::CircuitOpen | ErrorKind::Overloaded | ErrorKind::Unavailable => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let trace = Context::current().trace.trace_id.to_string();
        tracing::error!(error = format!("{error:#}"), "a page could not be shown");
        let page = ProblemPage::broken(Frame::bare(), status.as_u16(), &trace);
        show(status, &page).unwrap_or_else(|_| status.into_response())
    }
}

/// What browsers are told about every page: it runs and loads nothing from elsewhere, and belongs to one person.
const HEADERS: [(&str, &str); 4] = [
    (
        "content-security-policy",
        "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    ("cache-control", "private, no-store"),
    ("referrer-policy", "same-origin"),
    ("x-content-type-options", "nosniff"),
];

/// Shows a page.
pub(crate) fn show(status: StatusCode, page: &impl Template) -> Page {
    let html = page.render().map_err(|error| Error::from(error).context("a template failed"))?;
    Ok((status, HEADERS, Html(html)).into_response())
}
