//! The item that becomes a model.

use proc_macro2::TokenStream;
use syn::{Attribute, Field, Ident, Item, ItemEnum, ItemStruct, Meta};

use crate::diagnostics::Diagnostics;
use crate::stream::names_stream;

/// A struct or an enum.
pub(crate) enum Model {
    Struct(ItemStruct),
    Enum(ItemEnum),
}

impl Model {
    /// Reads the item; `None` with the fault noted if it is neither struct nor enum.
    pub(crate) fn parse(item: TokenStream, macro_name: &str, faults: &mut Diagnostics) -> Option<Self> {
        match faults.ok(syn::parse2::<Item>(item))? {
            Item::Struct(item) => Some(Self::Struct(item)),
            Item::Enum(item) => Some(Self::Enum(item)),
            other => {
                faults.error(&other, format!("`#[{macro_name}]` belongs on a struct or an enum"));
                None
            }
        }
    }

    pub(crate) fn attributes(&self) -> &[Attribute] {
        match self {
            Self::Struct(item) => &item.attrs,
            Self::Enum(item) => &item.attrs,
        }
    }

    /// Whether it has no stream among its fields. Each that it has is noted; it could neither be written nor read with them.
    pub(crate) fn refuse_streams(&self, faults: &mut Diagnostics) -> bool {
        let fields: Vec<&Field> = match self {
            Self::Struct(item) => item.fields.iter().collect(),
            Self::Enum(item) => item.variants.iter().flat_map(|variant| &variant.fields).collect(),
        };
        let streams: Vec<Ident> = fields.iter().filter_map(|field| names_stream(&field.ty)).collect();
        for stream in &streams {
            let advice = "a stream travels by itself and not inside of something: in a contract write it as an argument, \
                          `#[body] file: ByteStream`, or as what is answered, `Result<ByteStream, …>`";
            faults.error(stream, advice);
        }
        streams.is_empty()
    }

    /// Whether the user derives `name` already, below the macro.
    pub(crate) fn derives(&self, name: &str) -> bool {
        self.attributes().iter().filter(|attribute| attribute.path().is_ident("derive")).any(|attribute| {
            let Meta::List(list) = &attribute.meta else { return false };
            let paths =
                list.parse_args_with(syn::punctuated::Punctuated::<syn::Path, syn::Token![,]>::parse_terminated);
            paths
                .is_ok_and(|paths| paths.iter().any(|path| path.segments.last().is_some_and(|last| last.ident == name)))
        })
    }
}
