//! The trait as it was written.

use proc_macro2::{Span, TokenStream};
use syn::spanned::Spanned;
use syn::{
    Attribute, FnArg, Ident, Item, ItemTrait, LitInt, LitStr, Pat, ReceiverKind, ReturnType, Signature, TraitItem,
    TraitItemFn, Type,
};

use crate::attrs::Args;
use crate::diagnostics::{Diagnostics, list, nearest};
use crate::route::{RouteAttr, Verb};

/// What stands in `#[contract(…)]`.
pub(super) struct Declared {
    pub(super) name: Option<LitStr>,
    pub(super) version: Option<(u32, LitInt)>,
}

impl Declared {
    pub(super) fn parse(arguments: TokenStream, faults: &mut Diagnostics) -> Self {
        let mut args = Args::parse("contract", Span::call_site(), arguments, faults);
        let name = args.text("name", "inventory", faults);
        let version = args.integer("version", "1", 1..=9_999, faults).map(|(value, literal)| (value as u32, literal));
        args.finish(faults);
        if faults.is_empty() && (name.is_none() || version.is_none()) {
            faults.at(
                Span::call_site(),
                "a contract has a name and a version: write `#[contract(name = \"inventory\", version = 1)]`",
            );
        }
        Self { name, version }
    }
}

/// A method as it was written.
pub(super) struct ParsedOperation {
    pub(super) ident: Ident,
    pub(super) attributes: Vec<Attribute>,
    pub(super) route: Option<RouteAttr>,
    pub(super) arguments: Vec<ParsedArgument>,
    pub(super) output: Option<Type>,
}

/// An argument as it was written.
pub(super) struct ParsedArgument {
    pub(super) ident: Ident,
    pub(super) ty: Type,
    pub(super) marker: Option<Marker>,
}

/// What was said of where an argument stands.
pub(super) enum Marker {
    Header(LitStr),
    Query(Span),
    Body(Span),
}

/// The trait; `None` with the fault noted if it is something else.
pub(super) fn item(item: TokenStream, faults: &mut Diagnostics) -> Option<ItemTrait> {
    match faults.ok(syn::parse2::<Item>(item))? {
        Item::Trait(item) => Some(item),
        other => {
            faults.error(&other, "`#[contract]` belongs on a trait; the service implements it");
            None
        }
    }
}

/// Reads the methods, and takes what only the macro understands off the trait.
pub(super) fn operations(item: &mut ItemTrait, faults: &mut Diagnostics) -> Vec<ParsedOperation> {
    if !item.generics.params.is_empty() {
        faults.error(&item.generics, "a contract has no parameters: both sides must know its exact form");
    }
    if !item.supertraits.is_empty() {
        faults.error(&item.supertraits, "a contract stands for itself: its client could not implement another trait");
    }
    let mut operations = Vec::new();
    for item in &mut item.items {
        match item {
            TraitItem::Fn(method) => operations.extend(operation(method, faults)),
            other => faults.error(&*other, "a contract has methods only"),
        }
    }
    operations
}

fn operation(method: &mut TraitItemFn, faults: &mut Diagnostics) -> Option<ParsedOperation> {
    let route = route(method, faults);
    let signature = &method.sig;
    if let Some(body) = &method.default {
        faults.error(
            body,
            "a contract only declares: end the method with `;` and write its body in the service's `impl`",
        );
    }
    if signature.asyncness.is_none() {
        let name = &signature.ident;
        faults.error(&signature.fn_token, format!("a call takes its time: write `async fn {name}`"));
    }
    receiver(signature, faults);
    if !signature.generics.params.is_empty() {
        faults.error(
            &signature.generics,
            "a method of a contract has no parameters: both sides must know its exact form",
        );
    }
    let arguments = method.sig.inputs.iter_mut().filter_map(|input| argument(input, faults)).collect();
    let output = match &method.sig.output {
        ReturnType::Type(_, ty) => Some((**ty).clone()),
        ReturnType::Default => {
            let name = &method.sig.ident;
            faults.error(
                name,
                format!("a call can always fail: `{name}` returns a `Result`, such as `Result<(), MyError>`"),
            );
            None
        }
    };
    Some(ParsedOperation {
        ident: method.sig.ident.clone(),
        attributes: method.attrs.clone(),
        route,
        arguments,
        output,
    })
}

/// Takes the route attribute off a method.
fn route(method: &mut TraitItemFn, faults: &mut Diagnostics) -> Option<RouteAttr> {
    let (routes, others): (Vec<Attribute>, Vec<Attribute>) =
        std::mem::take(&mut method.attrs).into_iter().partition(|attribute| Verb::of(attribute).is_some());
    for attribute in &others {
        let Some(name) = attribute.path().get_ident().map(ToString::to_string) else { continue };
        if is_known(attribute) {
            continue;
        }
        let advice = match nearest(&name, &Verb::NAMES) {
            Some(near) => format!("did you mean `#[{near}(\"/path\")]`?"),
            None => format!("its methods have one of {}", list(Verb::NAMES)),
        };
        faults.error(attribute.path(), format!("a contract knows no `#[{name}]`; {advice}"));
    }
    let unknown = others.iter().any(|attribute| !is_known(attribute));
    method.attrs = others.into_iter().filter(is_known).collect();
    if let Some(second) = routes.get(1) {
        faults.error(second.path(), "a method has one route: declare a second method for a second route");
    }
    match routes.first() {
        Some(attribute) => Verb::of(attribute).and_then(|verb| RouteAttr::parse(verb, attribute, faults)),
        None => {
            if !unknown {
                let name = &method.sig.ident;
                faults.error(
                    name,
                    format!("`{name}` has no route: write `#[get(\"/path\")]` or another method above it"),
                );
            }
            None
        }
    }
}

fn is_known(attribute: &Attribute) -> bool {
    ["doc", "allow", "warn", "deny", "expect", "deprecated", "must_use", "cfg", "cfg_attr"]
        .iter()
        .any(|known| attribute.path().is_ident(known))
        || attribute.path().segments.len() > 1
}

fn receiver(signature: &Signature, faults: &mut Diagnostics) {
    match signature.receiver() {
        Some(receiver) => {
            if !matches!(receiver.kind, ReceiverKind::Reference(_, _, None)) {
                faults.error(receiver, "many calls run at once: a method takes `&self`");
            }
        }
        None => {
            let name = &signature.ident;
            faults.error(name, format!("a method is called on the service: write `async fn {name}(&self, …)`"));
        }
    }
}

fn argument(input: &mut FnArg, faults: &mut Diagnostics) -> Option<ParsedArgument> {
    let FnArg::Typed(input) = input else { return None };
    let mut marker = None;
    for attribute in std::mem::take(&mut input.attrs) {
        let name = attribute.path().get_ident().map(ToString::to_string).unwrap_or_default();
        let found = match name.as_str() {
            "header" => header(&attribute, faults),
            "query" => Some(Marker::Query(attribute.path().span())),
            "body" => Some(Marker::Body(attribute.path().span())),
            _ => {
                let message = "an argument is marked `#[header(\"name\")]`, `#[query]`, `#[body]`, or not at all";
                faults.error(&attribute, message);
                None
            }
        };
        // Where it was meant to stand is not known otherwise, so nothing more can be said of it.
        found.as_ref()?;
        if marker.is_some() {
            faults.error(&attribute, "an argument stands in one place of the request");
        }
        marker = found.or(marker);
    }
    let Pat::Ident(pattern) = &*input.pat else {
        faults.error(&input.pat, "an argument of a contract has a plain name, which is part of the contract");
        return None;
    };
    if let Type::Reference(reference) = &*input.ty {
        let owned = &reference.elem;
        let owned = quote::quote!(#owned).to_string().replace("str", "String");
        faults.error(reference, format!("arguments travel between processes, so they are owned: write `{owned}`"));
        return None;
    }
    if let Type::ImplTrait(ty) = &*input.ty {
        faults.error(ty, "both sides must know the exact type of an argument");
        return None;
    }
    Some(ParsedArgument { ident: pattern.ident.clone(), ty: (*input.ty).clone(), marker })
}

fn header(attribute: &Attribute, faults: &mut Diagnostics) -> Option<Marker> {
    let mut args = Args::of(attribute, faults);
    let span = args.span;
    let name = args.next_text(faults);
    args.finish(faults);
    let Some(name) = name else {
        faults.at(span, "a header has a name: write `#[header(\"if-match\")]`");
        return None;
    };
    let text = name.value();
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        faults.error(&name, format!("`{text}` is no header's name: write it in lower case, such as \"if-match\""));
    }
    Some(Marker::Header(name))
}
