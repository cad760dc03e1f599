//! What expansion needs to know of an error enum.

use syn::{Ident, LitStr, Type};

/// The enum.
pub(super) struct Errors {
    pub(super) ident: Ident,
    pub(super) variants: Vec<Variant>,
    pub(super) unexpected: Unexpected,
}

/// A variant that the contract promises.
pub(super) struct Variant {
    pub(super) ident: Ident,
    pub(super) status: u16,
    pub(super) code: String,
    pub(super) title: String,
    pub(super) message: Option<LitStr>,
    pub(super) data: Data,
}

/// What a variant carries.
pub(super) enum Data {
    Nothing,
    /// One value without a name, which is the data itself.
    Value(Box<Type>),
    Fields(Vec<Field>),
}

/// A named field of a variant, with the attributes that serde and schemars know.
pub(super) struct Field {
    pub(super) ident: Ident,
    pub(super) ty: Type,
    pub(super) attributes: Vec<syn::Attribute>,
}

/// The variant that takes everything that the contract does not promise.
pub(super) struct Unexpected {
    pub(super) ident: Ident,
    pub(super) ty: Type,
    /// The types that `?` may turn into it; all of them if empty.
    pub(super) from: Vec<Type>,
}
