//! What a service declares, with the spans of what was written.

use proc_macro2::Span;
use syn::{Ident, LitStr, Path, Type};

use crate::attrs::DurationLit;
use crate::route::RouteAttr;

/// All that one `#[service]` block declares.
pub(crate) struct Service {
    pub(crate) name: Option<LitStr>,
    /// Where the attribute stands, for what is missing from it.
    pub(crate) span: Span,
    pub(crate) database: bool,
    pub(crate) provides: Vec<Path>,
    pub(crate) migrations: Option<LitStr>,
    pub(crate) self_type: Type,
    pub(crate) init: Option<Init>,
    pub(crate) routes: Vec<Route>,
    pub(crate) subscriptions: Vec<Subscription>,
    pub(crate) jobs: Vec<Job>,
    pub(crate) checks: Vec<Check>,
    pub(crate) router: Option<Ident>,
}

/// What is common to all declared functions.
pub(crate) struct Function {
    pub(crate) name: Ident,
    /// The first paragraph of its documentation.
    pub(crate) summary: String,
    pub(crate) arguments: Vec<Type>,
    /// Where its return type stands, or its name where there is none.
    pub(crate) output: Span,
    /// The `T` of the `Json<T>` that it returns, alone, with a status or in a `Result`.
    pub(crate) answer: Option<Type>,
    /// Whether it returns a stream of bytes, alone, with headers or in a `Result`.
    pub(crate) streams: bool,
}

pub(crate) struct Init {
    pub(crate) function: Function,
}

pub(crate) struct Route {
    pub(crate) function: Function,
    pub(crate) attribute: RouteAttr,
}

pub(crate) struct Subscription {
    pub(crate) function: Function,
    /// The `T` of `Delivery<T>`.
    pub(crate) event: Option<Type>,
    /// Older versions of it, which it takes as well.
    pub(crate) accepts: Vec<Path>,
    /// Whether it takes many: `Vec<Delivery<T>>`.
    pub(crate) many: bool,
    /// Whether it takes `tx: &mut Tx`, and where.
    pub(crate) tx: Option<Span>,
    pub(crate) at_least_once: Option<Span>,
    pub(crate) queue: Option<LitStr>,
    pub(crate) retry: Option<LitStr>,
    pub(crate) concurrency: Option<u16>,
    pub(crate) prefetch: Option<u16>,
    pub(crate) timeout: Option<DurationLit>,
    pub(crate) ordered: Option<Span>,
    pub(crate) single_active: bool,
    /// Whether it says how many it takes, right or wrong.
    pub(crate) batched: bool,
    /// How many it takes at most, and where that stands.
    pub(crate) batch: Option<(u16, Span)>,
    /// How long the first waits for others, and where that stands.
    pub(crate) within: Option<(DurationLit, Span)>,
}

pub(crate) struct Job {
    pub(crate) function: Function,
    pub(crate) schedule: Schedule,
    pub(crate) leased: Option<Span>,
}

pub(crate) enum Schedule {
    Every(DurationLit),
    Cron(LitStr),
    /// Reported already.
    Wrong,
}

pub(crate) struct Check {
    pub(crate) function: Function,
    pub(crate) required: bool,
    pub(crate) every: Option<DurationLit>,
    pub(crate) timeout: Option<DurationLit>,
}
