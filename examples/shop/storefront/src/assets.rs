//! What pages are made of besides HTML: the style sheet, the script, the bird, and pictures.

use chassis::prelude::*;

use crate::pictures;

const STYLE: &str = include_str!("../assets/shop.css");
const SCRIPT: &str = include_str!("../assets/shop.js");
const BIRD: &str = include_str!("../assets/bird.svg");

/// Changes with the assets, so that a browser that has one version asks for the next.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A file by its name.
pub(crate) fn asset(name: &str) -> Response {
    let (kind, body) = match name {
        "shop.css" => ("text/css; charset=utf-8", STYLE),
        "shop.js" => ("text/javascript; charset=utf-8", SCRIPT),
        "bird.svg" => ("image/svg+xml", BIRD),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    ([("content-type", kind), ("cache-control", "public, max-age=300")], body).into_response()
}

/// A picture by what it shows; `variant` is the file's name, such as `3.svg`.
pub(crate) fn picture(kind: &str, palette: &str, variant: &str) -> Response {
    let variant = variant.strip_suffix(".svg").and_then(|variant| variant.parse().ok());
    match variant.and_then(|variant| pictures::draw(kind, palette, variant)) {
        // The same words always give the same picture.
        Some(svg) => {
            ([("content-type", "image/svg+xml"), ("cache-control", "public, max-age=86400")], svg).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
