//! The rules of an error enum.

use std::collections::HashMap;

use proc_macro2::Span;
use syn::{Fields, Ident};

use super::model::{Data, Errors, Field, Unexpected, Variant};
use super::parse::{Api, Parsed, ParsedVariant};
use crate::diagnostics::Diagnostics;

pub(super) fn validate(parsed: Parsed, faults: &mut Diagnostics) -> Option<Errors> {
    let (mut variants, mut unexpected) = (Vec::new(), None);
    let mut codes: HashMap<String, Ident> = HashMap::new();
    for variant in parsed.variants {
        let Some(api) = &variant.attribute else {
            faults.error(
                &variant.ident,
                format!(
                    "`{0}` says nothing of how it is sent: write `#[api(status = 409, code = \"{1}\")]` above it",
                    variant.ident,
                    snake(&variant.ident)
                ),
            );
            continue;
        };
        if let Some(at) = api.unexpected {
            let found = unexpected_variant(&variant, api, at, faults);
            if unexpected.is_some() {
                faults.at(at, "only one variant can be `unexpected`");
            }
            unexpected = found.or(unexpected);
            continue;
        }
        if let Some(variant) = promised(&variant, api, faults) {
            if let Some(earlier) = codes.get(&variant.code) {
                let message =
                    format!("`{earlier}` has the code `{}` already; callers could not tell them apart", variant.code);
                faults.error(&variant.ident, message);
            }
            codes.insert(variant.code.clone(), variant.ident.clone());
            variants.push(variant);
        }
    }
    if unexpected.is_none() && faults.is_empty() {
        faults.error(
            &parsed.ident,
            format!(
                "`{}` has no variant for errors that it does not promise, such as a lost connection: add `#[api(unexpected)] \
                 Unexpected(chassis::Error)`",
                parsed.ident
            ),
        );
    }
    Some(Errors { ident: parsed.ident, variants, unexpected: unexpected? })
}

fn unexpected_variant(variant: &ParsedVariant, api: &Api, at: Span, faults: &mut Diagnostics) -> Option<Unexpected> {
    if api.status.is_some() || api.code.is_some() || api.message.is_some() {
        faults
            .at(at, "what is unexpected has no status, code or message of its own: callers are told nothing about it");
    }
    match &variant.fields {
        Fields::Unnamed(fields) if fields.unnamed.len() == 1 && is_error(&fields.unnamed[0].ty) => {
            Some(Unexpected { ident: variant.ident.clone(), ty: fields.unnamed[0].ty.clone(), from: api.from.clone() })
        }
        _ => {
            let message = format!("the unexpected variant holds the error: write `{}(chassis::Error)`", variant.ident);
            match &variant.fields {
                Fields::Unit => faults.error(&variant.ident, message),
                fields => faults.error(fields, message),
            }
            None
        }
    }
}

/// Whether the type may be `chassis::Error`. What else is called `Error` the compiler sorts out.
fn is_error(ty: &syn::Type) -> bool {
    matches!(ty, syn::Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "Error"))
}

fn promised(variant: &ParsedVariant, api: &Api, faults: &mut Diagnostics) -> Option<Variant> {
    if !api.from.is_empty() {
        faults.at(api.span, "`from` belongs to the `unexpected` variant; convert into this one with `map_err`");
    }
    let Some((status, _)) = api.status else {
        if !api.faulty {
            faults.at(api.span, "an error has an HTTP status: write `#[api(status = 409)]`");
        }
        return None;
    };
    let code = match &api.code {
        Some(code) if !is_code(&code.value()) => {
            faults.error(code, format!("`{}` is no code: write lower-case words joined by `_`", code.value()));
            return None;
        }
        Some(code) => code.value(),
        None => snake(&variant.ident),
    };
    let data = match &variant.fields {
        Fields::Unit => Data::Nothing,
        Fields::Unnamed(fields) if fields.unnamed.is_empty() => Data::Nothing,
        Fields::Unnamed(fields) if fields.unnamed.len() == 1 => Data::Value(Box::new(fields.unnamed[0].ty.clone())),
        Fields::Unnamed(fields) => {
            let message = format!("name the fields, so that callers can: `{} {{ … }}`", variant.ident);
            faults.error(fields, message);
            return None;
        }
        Fields::Named(fields) => Data::Fields(fields.named.iter().filter_map(field).collect()),
    };
    let title = if variant.title.is_empty() { sentence(&variant.ident) } else { variant.title.clone() };
    Some(Variant { ident: variant.ident.clone(), status, code, title, message: api.message.clone(), data })
}

fn field(field: &syn::Field) -> Option<Field> {
    let known =
        |attribute: &&syn::Attribute| ["serde", "schemars", "doc"].iter().any(|name| attribute.path().is_ident(name));
    let attributes = field.attrs.iter().filter(known).cloned().collect();
    Some(Field { ident: field.ident.clone()?, ty: field.ty.clone(), attributes })
}

fn is_code(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// `OutOfStock` as `out_of_stock`.
fn snake(ident: &Ident) -> String {
    let mut text = String::new();
    for (index, c) in ident.to_string().chars().enumerate() {
        if c.is_uppercase() && index > 0 {
            text.push('_');
        }
        text.extend(c.to_lowercase());
    }
    text
}

/// `OutOfStock` as `Out of stock`.
fn sentence(ident: &Ident) -> String {
    let text = snake(ident).replace('_', " ");
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}
