use axum::body::Body;
use http::Method;

use super::*;
use crate::config::Config;
use crate::http::{HttpSettings, RouteSpec};

fn declared(paths: &[&'static str]) -> Routes {
    let mut routes = Routes::default();
    for path in paths {
        let spec = RouteSpec { name: "declared", ..RouteSpec::new(Method::GET, path) };
        routes.add(spec, Arc::new(()), |_, _| Box::pin(async { "declared".into_response() }));
    }
    routes
}

fn built(routes: Routes, extend: impl FnOnce(Router) -> Router) -> Result<Router> {
    let (settings, config) = (HttpSettings::default(), Config::from_toml("").expect("a configuration"));
    let built = build(
        "shop",
        Sources { settings: &settings, config: &config },
        routes,
        extend,
        #[cfg(any(feature = "sqlite", feature = "postgres"))]
        None,
    );
    Ok(built?.router)
}

async fn answer(router: &Router, method: Method, path: &str) -> (u16, String) {
    let request = Request::builder().method(method).uri(path).body(Body::empty()).expect("a request");
    let response = router.clone().oneshot(request).await.unwrap_or_else(|never| match never {});
    let status = response.status().as_u16();
    let body = axum::body::to_bytes(response.into_body(), 10_000).await.expect("a body");
    (status, String::from_utf8_lossy(&body).into_owned())
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_unless_the_service_knows_better() {
    let ours = built(declared(&["/one"]), |router| router.route("/two", axum::routing::get("two"))).expect("a router");
    assert_eq!(answer(&ours, Method::GET, "/one").await, (200, "declared".to_owned()));
    assert_eq!(answer(&ours, Method::GET, "/two").await, (200, "two".to_owned()));
    let (status, body) = answer(&ours, Method::GET, "/three").await;
    assert_eq!((status, body.contains("\"not_found\"")), (404, true), "{body}");
    for path in ["/one", "/two"] {
        let (status, body) = answer(&ours, Method::DELETE, path).await;
        assert_eq!((status, body.contains("\"method_not_allowed\"")), (405, true), "{body}");
    }

    let theirs = built(declared(&["/one"]), |router| router.fallback(async || "a page of its own")).expect("a router");
    assert_eq!(answer(&theirs, Method::GET, "/three").await, (200, "a page of its own".to_owned()));
}

#[tokio::test]
async fn routes_in_each_others_way_are_an_error() {
    for (paths, extend) in [
        (&["/one", "/one"][..], None),
        (&["/one"], Some("/one")),
        (&["/{a}"], Some("/{b}")),
        (&["/one"], Some("without-a-slash")),
    ] {
        let built = built(declared(paths), |router| match extend {
            Some(path) => router.route(path, axum::routing::get("by hand")),
            None => router,
        });
        let error = built.expect_err("cannot be put together");
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().starts_with("the routes cannot be put together: "), "{error}");
    }
}
