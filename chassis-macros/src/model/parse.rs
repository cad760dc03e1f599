//! The item that becomes a model.

use proc_macro2::TokenStream;
use syn::{Attribute, Item, ItemEnum, ItemStruct, Meta};

use crate::diagnostics::Diagnostics;

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
