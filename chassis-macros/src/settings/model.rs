//! A struct of settings: its defaults and its durations.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::{Expr, Field, Fields, GenericArgument, Ident, Item, LitStr, Meta, PathArguments, Type};

use crate::diagnostics::Diagnostics;
use crate::model::Model;

/// A struct of settings, whose fields' `#[default(…)]` have become serde's.
pub(super) struct Section {
    pub(super) model: Model,
    pub(super) defaults: Vec<Default>,
}

/// The default of one field, which serde asks of a function.
pub(super) struct Default {
    pub(super) function: Ident,
    pub(super) ty: Type,
    pub(super) value: Expr,
}

impl Section {
    pub(super) fn parse(item: TokenStream, faults: &mut Diagnostics) -> Option<Self> {
        let mut item = match faults.ok(syn::parse2::<Item>(item))? {
            Item::Struct(item) if matches!(item.fields, Fields::Named(_)) => item,
            other => {
                faults.error(&other, "`#[settings]` belongs on a struct with named fields");
                return None;
            }
        };
        let owner = item.ident.clone();
        let defaults = item.fields.iter_mut().filter_map(|field| rewrite(&owner, field, faults)).collect();
        Some(Self { model: Model::Struct(item), defaults })
    }
}

/// Gives a field the attributes that serde and schemars need, and returns its default.
fn rewrite(owner: &Ident, field: &mut Field, faults: &mut Diagnostics) -> Option<Default> {
    let value = take_default(field, faults);
    let written = written(&field.ty);
    let mut attributes = match written {
        Written::Duration => quote! {
            #[serde(with = "::chassis::private::duration")]
            #[schemars(schema_with = "::chassis::private::duration::schema")]
        },
        Written::OptionalDuration => quote! {
            #[serde(with = "::chassis::private::duration::optional")]
            #[schemars(schema_with = "::chassis::private::duration::optional::schema")]
        },
        Written::AsItIs => quote!(),
    };
    let default = match (value, &field.ident) {
        (Some(value), Some(name)) => {
            let function = quote::format_ident!("__default_{}", name.unraw(), span = name.span());
            let path = LitStr::new(&format!("{owner}::{function}"), name.span());
            attributes.extend(quote!(#[serde(default = #path)]));
            Some(Default { function, ty: field.ty.clone(), value })
        }
        _ => {
            // serde lets an `Option` be absent, but not one that it reads by a function.
            if matches!(written, Written::OptionalDuration) {
                attributes.extend(quote!(#[serde(default)]));
            }
            None
        }
    };
    let parsed = syn::parse::Parser::parse2(syn::Attribute::parse_outer, attributes);
    field.attrs.extend(faults.ok(parsed).into_iter().flatten());
    default
}

fn take_default(field: &mut Field, faults: &mut Diagnostics) -> Option<Expr> {
    let index = field.attrs.iter().position(|attribute| attribute.path().is_ident("default"))?;
    let attribute = field.attrs.remove(index);
    match &attribute.meta {
        Meta::List(list) => faults.ok(list.parse_args::<Expr>()),
        Meta::Path(_) => Some(syn::parse_quote!(::core::default::Default::default())),
        Meta::NameValue(meta) => {
            faults.error(&meta.eq_token, "the default stands in parentheses: write `#[default(…)]`");
            None
        }
    }
}

/// How a value is written in a file.
#[derive(Clone, Copy)]
enum Written {
    AsItIs,
    Duration,
    OptionalDuration,
}

fn written(ty: &Type) -> Written {
    let Type::Path(path) = ty else { return Written::AsItIs };
    let Some(last) = path.path.segments.last() else { return Written::AsItIs };
    match &last.arguments {
        PathArguments::None if last.ident == "Duration" => Written::Duration,
        PathArguments::AngleBracketed(arguments) if last.ident == "Option" => match arguments.args.first() {
            Some(GenericArgument::Type(inner)) if matches!(written(inner), Written::Duration) => {
                Written::OptionalDuration
            }
            _ => Written::AsItIs,
        },
        _ => Written::AsItIs,
    }
}
