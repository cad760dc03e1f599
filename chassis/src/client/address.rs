//! Where a client's URL leads.

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};

/// A URL in its parts.
#[cfg_attr(not(feature = "client"), allow(dead_code, reason = "without the feature settings are only checked"))]
pub(super) struct Address {
    pub(super) scheme: Scheme,
    pub(super) authority: Authority,
    /// What stands before every path, without a slash at its end.
    pub(super) prefix: String,
}

impl Address {
    /// The parts of a URL that can be called; the error says what it must be.
    pub(super) fn parse(url: &str) -> Result<Self, &'static str> {
        let uri: Uri = url.parse().map_err(|_| "this is no URL")?;
        let parts = uri.into_parts();
        let scheme = parts.scheme.filter(|scheme| [Scheme::HTTP, Scheme::HTTPS].contains(scheme));
        let scheme = scheme.ok_or("it must begin with http:// or https://")?;
        let authority = parts.authority.ok_or("it has no host")?;
        if authority.as_str().contains('@') {
            return Err("user and password cannot stand in it");
        }
        let path = parts.path_and_query.unwrap_or_else(|| PathAndQuery::from_static("/"));
        if path.query().is_some() {
            return Err("it cannot have a query");
        }
        Ok(Self { scheme, authority, prefix: path.path().trim_end_matches('/').to_owned() })
    }
}
