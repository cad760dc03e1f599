//! What expansion needs to know of a contract.

use proc_macro2::TokenStream;
use syn::{Ident, LitStr, Type, Visibility};

use crate::route::RouteAttr;

/// A checked contract.
pub(super) struct Contract {
    pub(super) ident: Ident,
    pub(super) visibility: Visibility,
    pub(super) name: String,
    pub(super) version: u32,
    pub(super) description: String,
    pub(super) operations: Vec<Operation>,
}

/// One of its methods.
pub(super) struct Operation {
    pub(super) ident: Ident,
    pub(super) documentation: Vec<syn::Attribute>,
    pub(super) summary: String,
    pub(super) description: String,
    pub(super) route: RouteAttr,
    pub(super) arguments: Vec<Argument>,
    pub(super) output: Type,
}

/// One of a method's arguments.
pub(super) struct Argument {
    pub(super) ident: Ident,
    pub(super) ty: Type,
    pub(super) place: Place,
}

/// Where an argument stands in the request.
pub(super) enum Place {
    Path,
    Query,
    Header(LitStr),
    Body,
    /// The body, as a stream.
    Stream,
}

impl Contract {
    /// The names of what is generated beside the trait.
    pub(super) fn client(&self) -> Ident {
        quote::format_ident!("{}Client", self.ident)
    }

    pub(super) fn double(&self) -> Ident {
        quote::format_ident!("{}Double", self.ident)
    }

    pub(super) fn object(&self) -> Ident {
        quote::format_ident!("Dyn{}", self.ident)
    }
}

impl Operation {
    /// The method's name without the `r#` of a keyword.
    pub(super) fn name(&self) -> String {
        syn::ext::IdentExt::unraw(&self.ident).to_string()
    }

    pub(super) fn object_method(&self) -> Ident {
        quote::format_ident!("__dyn_{}", syn::ext::IdentExt::unraw(&self.ident))
    }

    /// The arguments as a signature has them.
    pub(super) fn parameters(&self) -> impl Iterator<Item = TokenStream> {
        self.arguments.iter().map(|Argument { ident, ty, .. }| quote::quote!(#ident: #ty))
    }

    /// The arguments as a call has them.
    pub(super) fn names(&self) -> Vec<&Ident> {
        self.arguments.iter().map(|argument| &argument.ident).collect()
    }

    pub(super) fn types(&self) -> Vec<&Type> {
        self.arguments.iter().map(|argument| &argument.ty).collect()
    }

    /// The constant with what can be done with the argument at `index`.
    pub(super) fn table(&self, index: usize) -> Ident {
        quote::format_ident!("__ARGUMENT_{}_{}", self.name().to_uppercase(), index)
    }

    /// The constant with what can be done with what the method returns.
    pub(super) fn output_table(&self) -> Ident {
        quote::format_ident!("__OUTPUT_{}", self.name().to_uppercase())
    }
}
