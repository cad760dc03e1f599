//! Who may use `/admin`.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{AUTHORIZATION, HOST, WWW_AUTHENTICATE};
use http::{Method, StatusCode};

use super::{Management, nothing_here};
use crate::http::Problem;

/// Without a token anybody may look under the profile `development` and nobody elsewhere, as a profile may be misspelt, and
/// nobody may change. With a token, who has it. Whoever has the token: no page of another origin changes anything.
pub(super) async fn guard(State(management): State<Management>, request: Request, next: Next) -> Response {
    let settings = &management.0.settings;
    if !host_is_ours(&request, &settings.hosts) {
        // A page in an operator's browser must not reach this by a name of its own (DNS rebinding).
        let detail = "This host name is not one of `management.hosts`.";
        return Problem::new(StatusCode::MISDIRECTED_REQUEST, "unknown_host").detail(detail).into_response();
    }
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD);
    match &settings.token {
        Some(token) => {
            let given = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
            let given = given.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
            if !equal(given.as_bytes(), token.expose().as_bytes()) {
                let detail = "Send the header `authorization: Bearer` with `management.token`.";
                let problem = Problem::new(StatusCode::UNAUTHORIZED, "token_required").detail(detail);
                return ([(WWW_AUTHENTICATE, "Bearer")], problem).into_response();
            }
        }
        None if management.0.config.profile() != "development" => return nothing_here().await.into_response(),
        None if changes => {
            let detail = "Set `management.token` to change anything here.";
            return Problem::new(StatusCode::FORBIDDEN, "token_required").detail(detail).into_response();
        }
        None => {}
    }
    if changes && is_of_another_origin(&request) {
        let detail = "A page of another origin may not change anything here.";
        return Problem::new(StatusCode::FORBIDDEN, "another_origin").detail(detail).into_response();
    }
    next.run(request).await
}

/// Browsers say where a request comes from; programs say nothing.
fn is_of_another_origin(request: &Request) -> bool {
    let site = request.headers().get("sec-fetch-site").and_then(|value| value.to_str().ok());
    if let Some(site) = site {
        return !matches!(site, "same-origin" | "none");
    }
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    header("origin").is_some_and(|origin| {
        let authority = origin.split_once("://").map_or(origin, |(_, authority)| authority);
        header("host") != Some(authority)
    })
}

fn host_is_ours(request: &Request, hosts: &[String]) -> bool {
    let host = request.headers().get(HOST).and_then(|value| value.to_str().ok());
    let Some(host) = host.or_else(|| request.uri().authority().map(|authority| authority.as_str())) else {
        return true;
    };
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((v6, _)) => v6,
        None => host.split(':').next().unwrap_or(host),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok()
        || hosts.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Compares without telling by its time how much was right.
fn equal(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}
