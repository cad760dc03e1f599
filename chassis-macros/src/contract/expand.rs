//! The trait in the form that compilers know, and what is generated beside it.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{ItemTrait, ReturnType, TraitItem};

use super::model::{Contract, Operation};
use super::{client, double, server};

/// Everything.
pub(super) fn expand(item: &ItemTrait, contract: &Contract) -> TokenStream {
    let hidden = server::hidden(contract);
    let user_trait = user_trait(item, &hidden);
    let object = object(contract);
    let client = client::client(contract);
    let double = double::double(contract);
    quote! {
        #user_trait
        #object
        #client
        #double
    }
}

/// What stands in for a contract that has faults: the trait, so that an `impl` of it has no faults of its own.
pub(super) fn fallback(item: &ItemTrait) -> TokenStream {
    let hidden = quote! {
        #[doc(hidden)]
        fn __contract() -> ::chassis::private::ContractEntry<Self>
        where
            Self: ::core::marker::Sized,
        {
            ::core::unreachable!()
        }
    };
    user_trait(item, &hidden)
}

/// The user's trait with `Send` futures.
fn user_trait(item: &ItemTrait, hidden: &TokenStream) -> TokenStream {
    let ItemTrait { attrs, vis, unsafety, trait_token, ident, generics, items, .. } = item;
    let items = items.iter().map(|item| match item {
        TraitItem::Fn(method) => {
            let mut signature = method.sig.clone();
            signature.asyncness = None;
            let attributes = &method.attrs;
            let output = match &method.sig.output {
                ReturnType::Type(_, ty) => quote!(#ty),
                ReturnType::Default => quote!(()),
            };
            signature.output = ReturnType::Default;
            let future = quote_spanned! {output.span()=>
                impl ::core::future::Future<Output = #output> + ::core::marker::Send
            };
            quote!(#(#attributes)* #signature -> #future;)
        }
        other => quote!(#other),
    });
    let message = format!("`{{Self}}` does not implement the contract `{ident}`");
    let label = format!("write `impl {ident} for {{Self}}`");
    quote! {
        #(#attrs)*
        #[diagnostic::on_unimplemented(message = #message, label = #label)]
        #vis #unsafety #trait_token #ident #generics:
            ::core::marker::Send + ::core::marker::Sync + 'static
        {
            #(#items)*
            #hidden
        }
    }
}

/// The contract in a form that can be behind a pointer.
fn object(contract: &Contract) -> TokenStream {
    let (visibility, ident, object) = (&contract.visibility, &contract.ident, contract.object());
    let declarations = contract.operations.iter().map(|operation| {
        let signature = object_signature(operation);
        quote!(#signature;)
    });
    let definitions = contract.operations.iter().map(|operation| {
        let (method, names, signature) = (&operation.ident, operation.names(), object_signature(operation));
        quote! {
            #signature {
                ::std::boxed::Box::pin(<Self as #ident>::#method(self, #(#names),*))
            }
        }
    });
    quote! {
        #[doc(hidden)]
        #visibility trait #object: ::core::marker::Send + ::core::marker::Sync + 'static {
            #(#declarations)*
        }

        #[automatically_derived]
        impl<__T: #ident> #object for __T {
            #(#definitions)*
        }
    }
}

fn object_signature(operation: &Operation) -> TokenStream {
    let (method, output) = (operation.object_method(), &operation.output);
    let parameters = operation.parameters();
    quote! {
        fn #method<'__a>(&'__a self, #(#parameters),*) -> ::chassis::private::BoxFuture<'__a, #output>
    }
}
