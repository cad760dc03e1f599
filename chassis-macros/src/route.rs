//! The attributes that declare a route: `#[get("/path", timeout = "2s", limit = 20)]`.

use proc_macro2::Span;
use syn::{Attribute, Ident, LitStr};

use crate::attrs::{Args, DurationLit};
use crate::diagnostics::Diagnostics;
use crate::guards::Guards;
use crate::path::PathTemplate;

/// An HTTP method that a route attribute can have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verb {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Verb {
    /// The attributes' names.
    pub(crate) const NAMES: [&'static str; 5] = ["get", "post", "put", "patch", "delete"];

    /// The method that `attribute` declares, if it is a route attribute.
    pub(crate) fn of(attribute: &Attribute) -> Option<Self> {
        match attribute.path().segments.last()?.ident.to_string().as_str() {
            "get" => Some(Self::Get),
            "post" => Some(Self::Post),
            "put" => Some(Self::Put),
            "patch" => Some(Self::Patch),
            "delete" => Some(Self::Delete),
            _ => None,
        }
    }

    /// The attribute's name.
    pub(crate) fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// The name of the associated constant of `http::Method`, which is also the method as it is sent.
    pub(crate) fn constant(self) -> Ident {
        Ident::new(&self.name().to_ascii_uppercase(), Span::call_site())
    }

    /// Whether requests of this method carry a body.
    pub(crate) fn has_body(self) -> bool {
        matches!(self, Self::Post | Self::Put | Self::Patch)
    }

    /// Whether RFC 9110 calls the method idempotent.
    pub(crate) fn is_idempotent(self) -> bool {
        matches!(self, Self::Get | Self::Put | Self::Delete)
    }
}

/// A route attribute.
#[derive(Clone)]
pub(crate) struct RouteAttr {
    pub(crate) verb: Verb,
    /// Where the attribute's name stands.
    pub(crate) span: Span,
    pub(crate) path: PathTemplate,
    pub(crate) timeout: Option<DurationLit>,
    /// The status of a success: 200 to 299.
    pub(crate) status: Option<u16>,
    /// The media type of what it streams.
    pub(crate) content_type: Option<LitStr>,
    /// Where the word `idempotent` stands.
    pub(crate) idempotent: Option<Span>,
    pub(crate) guards: Guards,
}

impl RouteAttr {
    /// Reads `attribute`; `None` when it has no path, which is noted.
    pub(crate) fn parse(verb: Verb, attribute: &Attribute, faults: &mut Diagnostics) -> Option<Self> {
        let mut args = Args::of(attribute, faults);
        let span = args.span;
        let path = args.next_text(faults).map(|literal| PathTemplate::parse(&literal, faults));
        let timeout = args.duration("timeout", faults);
        let status = args.integer("status", "201", 200..=299, faults).map(|(value, _)| value as u16);
        let content_type = args.text("content_type", "text/csv", faults);
        let idempotent = args.flag("idempotent", faults);
        let guards = Guards::parse(verb, &mut args, faults);
        args.finish(faults);
        if path.is_none() {
            let name = verb.name();
            faults.at(span, format!("`#[{name}]` needs a path: write `#[{name}(\"/path\")]`"));
        }
        Some(Self { verb, span, path: path?, timeout, status, content_type, idempotent, guards })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn reads_a_route_attribute() {
        let attribute: Attribute = syn::parse_quote!(#[post("/orders", timeout = "2s", status = 201, idempotent)]);
        let mut faults = Diagnostics::default();
        let route = RouteAttr::parse(Verb::of(&attribute).unwrap(), &attribute, &mut faults).unwrap();
        assert!(faults.is_empty());
        assert_eq!(route.status, Some(201));
        assert_eq!(route.timeout.unwrap().value, Duration::from_secs(2));
        assert!(route.idempotent.is_some());
    }

    #[test]
    fn reports_every_wrong_argument() {
        let attribute: Attribute = syn::parse_quote!(#[get("/orders", timout = "2s", status = 404, idempotent = 1)]);
        let mut faults = Diagnostics::default();
        RouteAttr::parse(Verb::Get, &attribute, &mut faults);
        let text = faults.into_tokens().to_string();
        for part in ["did you mean `timeout`", "from 200 to 299", "takes no value"] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}
