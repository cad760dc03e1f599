//! The macros of `chassis`. They are documented where `chassis` re-exports them.
//!
//! Each macro is a folder of four steps: `parse` (syntax, spans kept), `model` (only what expansion needs), `validate`
//! (rules across fields, all faults at once) and `expand` (only `quote!`, cannot fail). What generated code names is
//! `::chassis::private` and nothing else.

mod api_error;
mod attrs;
mod contract;
mod diagnostics;
mod event;
mod guards;
mod migrations;
mod model;
mod path;
mod route;
mod service;
mod settings;
mod stream;

use proc_macro::TokenStream;

/// Declares a service; documented where `chassis` re-exports it.
#[proc_macro_attribute]
pub fn service(arguments: TokenStream, item: TokenStream) -> TokenStream {
    service::service(arguments.into(), item.into()).into()
}

/// Declares a contract; documented where `chassis` re-exports it.
#[proc_macro_attribute]
pub fn contract(arguments: TokenStream, item: TokenStream) -> TokenStream {
    contract::contract(arguments.into(), item.into()).into()
}

/// Derives `ApiError`; documented where `chassis` re-exports it.
#[proc_macro_derive(ApiError, attributes(api))]
pub fn api_error(item: TokenStream) -> TokenStream {
    api_error::api_error(item.into()).into()
}

/// Declares a model; documented where `chassis` re-exports it.
#[proc_macro_attribute]
pub fn model(arguments: TokenStream, item: TokenStream) -> TokenStream {
    model::model(arguments.into(), item.into()).into()
}

/// Declares an event; documented where `chassis` re-exports it.
#[proc_macro_attribute]
pub fn event(arguments: TokenStream, item: TokenStream) -> TokenStream {
    event::event(arguments.into(), item.into()).into()
}

/// Declares settings; documented where `chassis` re-exports it.
#[proc_macro_attribute]
pub fn settings(arguments: TokenStream, item: TokenStream) -> TokenStream {
    settings::settings(arguments.into(), item.into()).into()
}
