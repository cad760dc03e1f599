//! Rules that go across what is declared.

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::{GenericArgument, LitStr, PathArguments, Type};

use super::model::{Route, Service, Subscription};
use crate::diagnostics::{Diagnostics, list};
use crate::path::Segment;
use crate::stream::is_stream;

pub(crate) fn validate(service: &Service, faults: &mut Diagnostics) {
    name(service, faults);
    routes(service, faults);
    let database = service.database || service.migrations.is_some() || takes_database(service);
    for subscription in &service.subscriptions {
        subscribes(subscription, database, faults);
    }
    for route in service.routes.iter().filter(|_| !database) {
        if let Some(span) = route.attribute.idempotent {
            faults.at(span, format!("`idempotent` {NEEDS_DATABASE}"));
        }
    }
    for route in &service.routes {
        if let (Some(_), Some(span)) = (route.attribute.idempotent, route.attribute.guards.cancellable) {
            faults.at(span, "what keeps its answers runs to its end: leave out `cancellable`, or `idempotent`");
        }
        let streams = route.function.streams || route.function.arguments.iter().any(is_stream);
        if let Some(span) = route.attribute.idempotent.filter(|_| streams) {
            faults.at(span, "what is kept is kept whole, and a stream may be endless: leave out `idempotent`");
        }
    }
    for job in &service.jobs {
        if let Some(span) = job.leased.filter(|_| !database) {
            faults.at(span, format!("`leased` {NEEDS_DATABASE}"));
        }
    }
    queues(service, faults);
}

const NEEDS_DATABASE: &str =
    "needs a database: let `#[init]` take a `Database`, or write `#[service(name = \"…\", database)]`";

fn name(service: &Service, faults: &mut Diagnostics) {
    let Some(name) = &service.name else {
        faults.at(service.span, "a service has a name: `#[service(name = \"orders\")]`");
        return;
    };
    let text = name.value();
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !text.starts_with(|c: char| c.is_ascii_lowercase()) || !text.chars().all(allowed) {
        faults.error(
            name,
            "a service's name has lower-case letters, digits and `-` and begins with a letter: \"order-history\"",
        );
    }
}

fn routes(service: &Service, faults: &mut Diagnostics) {
    let mut seen: Vec<(&str, String)> = Vec::new();
    for route in &service.routes {
        let attribute = &route.attribute;
        arguments(route, faults);
        let key = (attribute.verb.name(), attribute.path.shape());
        if seen.contains(&key) {
            let (verb, path) = (key.0.to_uppercase(), attribute.path.literal.value());
            faults.error(&attribute.path.literal, format!("a second `{verb} {path}` in this service"));
        }
        seen.push(key);
    }
}

/// A `Path` that cannot fit its template, and arguments that read a body where there is none.
fn arguments(route: &Route, faults: &mut Diagnostics) {
    let path = &route.attribute.path;
    for ty in &route.function.arguments {
        if !route.attribute.verb.has_body() && (is_stream(ty) || BODIES.iter().any(|name| named(ty, name).is_some())) {
            let verb = route.attribute.verb.name().to_uppercase();
            faults.error(ty, format!("a {verb} request has no body; take what you need from the path or by `Query`"));
        }
    }
    untaken(route, faults);
    let Some((ty, inner)) = route.function.arguments.iter().find_map(|ty| Some((ty, named(ty, "Path")?))) else {
        return;
    };
    let count = match inner {
        Type::Tuple(tuple) => tuple.elems.len(),
        Type::Path(path) if path.path.get_ident().is_some_and(|ident| SINGLE.iter().any(|name| ident == name)) => 1,
        _ => return,
    };
    let names: Vec<&str> = path.parameters().collect();
    if count != names.len() {
        let template = path.literal.value();
        let has = match names.as_slice() {
            [] => "has no parameters".to_owned(),
            [one] => format!("has one parameter: `{one}`"),
            many => format!("has {} parameters: {}", many.len(), list(many)),
        };
        faults.error(ty, format!("this takes {count} from the path, but `{template}` {has}"));
    }
}

/// Parameters in the path, and no argument that could know of them. A route for all that follows may not care what it is.
fn untaken(route: &Route, faults: &mut Diagnostics) {
    let path = &route.attribute.path;
    let names: Vec<&str> = path.parameters().collect();
    if path.segments.iter().any(|segment| matches!(segment, Segment::Rest(_)))
        || names.is_empty()
        || !route.function.arguments.iter().all(|ty| is_one_of(ty, &PATHLESS))
    {
        return;
    }
    let argument = match names.as_slice() {
        [one] => format!("Path({one}): Path<String>"),
        many => format!("Path(({})): Path<({})>", many.join(", "), vec!["String"; many.len()].join(", ")),
    };
    let message = format!("no argument takes {}: add `{argument}`, with `_` for what you do not need", list(names));
    faults.error(&path.literal, message);
}

/// Extractors that know nothing of the path. Of others, such as a type of the user's own, nobody can tell.
const PATHLESS: [&str; 11] = [
    "ByteStream",
    "Json",
    "Form",
    "Query",
    "RawQuery",
    "HeaderMap",
    "Method",
    "Extension",
    "Bytes",
    "String",
    "Multipart",
];

/// Extractors that read a body.
const BODIES: [&str; 2] = ["Json", "Form"];

/// Types that stand for exactly one path parameter.
const SINGLE: [&str; 16] = [
    "String", "bool", "char", "i8", "i16", "i32", "i64", "i128", "u8", "u16", "u32", "u64", "u128", "f32", "f64",
    "Uuid",
];

/// The `T` of `name<T>`.
fn named<'a>(ty: &'a Type, name: &str) -> Option<&'a Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|segment| segment.ident == name)?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match arguments.args.first()? {
        GenericArgument::Type(inner) => Some(inner),
        _ => None,
    }
}

fn subscribes(subscription: &Subscription, database: bool, faults: &mut Diagnostics) {
    let name = &subscription.function.name;
    match (subscription.tx, subscription.at_least_once) {
        (None, None) => faults.error(
            name,
            "how often may it take effect? take `tx: &mut Tx`, and each message takes effect once; or write `#[subscribe(at_least_once)]`, and it may run again for the same message",
        ),
        (Some(_), Some(span)) => {
            faults.at(span, "with `tx: &mut Tx` each message takes effect once; leave out `at_least_once`");
        }
        (Some(span), None) if !database => faults.at(span, format!("`tx` {NEEDS_DATABASE}")),
        _ => {}
    }
    if let (Some(prefetch), Some(concurrency)) = (subscription.prefetch, subscription.concurrency)
        && prefetch < concurrency
    {
        faults.error(name, format!("a `prefetch` of {prefetch} starves a `concurrency` of {concurrency}"));
    }
    batches(subscription, faults);
}

fn batches(subscription: &Subscription, faults: &mut Diagnostics) {
    match (subscription.batched, subscription.function.arguments.first()) {
        (true, Some(ty)) if subscription.event.is_some() && !subscription.many => {
            faults.error(ty, "with `batch` a subscriber takes many: `events: Vec<Delivery<OrderPlaced>>`");
        }
        (false, Some(ty)) if subscription.event.is_some() && subscription.many => {
            let advice = "how many at most? write `#[subscribe(batch = 100, within = \"50ms\")]`, or take one: `event: Delivery<OrderPlaced>`";
            faults.error(ty, advice);
        }
        _ => {}
    }
    if let (false, false, Some((_, span))) = (subscription.batched, subscription.many, &subscription.within) {
        faults.at(*span, "`within` says how long a batch waits to be full: write `batch = 100` beside it");
    }
    if let (Some(_), Some(span)) = (subscription.batch, subscription.ordered) {
        faults.at(span, "what is handled in batches has no order of its own; leave out `ordered`, or `batch`");
    }
    if let (Some(prefetch), Some((size, span))) = (subscription.prefetch, subscription.batch)
        && prefetch < size
    {
        faults.at(span, format!("with a `prefetch` of {prefetch} no batch ever has {size}"));
    }
}

fn queues(service: &Service, faults: &mut Diagnostics) {
    let mut seen: Vec<String> = Vec::new();
    for subscription in &service.subscriptions {
        let queue = queue_name(subscription);
        if seen.contains(&queue) {
            faults
                .error(&subscription.function.name, format!("a second handler of the queue `{queue}` in this service"));
        }
        seen.push(queue);
    }
}

/// The queue's name without the service's. Names of queues have dashes.
pub(crate) fn queue_name(subscription: &Subscription) -> String {
    let name = &subscription.function.name;
    subscription.queue.as_ref().map_or_else(|| name.to_string(), LitStr::value).replace('_', "-")
}

fn takes_database(service: &Service) -> bool {
    database_argument(service).is_some()
}

fn database_argument(service: &Service) -> Option<&Type> {
    service.init.as_ref()?.function.arguments.iter().find(|ty| is_one_of(ty, &["Database"]))
}

/// Where it shows first that the service has a database.
pub(crate) fn needs_database(service: &Service) -> Option<Span> {
    let argument = database_argument(service).map(Spanned::span);
    let migrations = service.migrations.as_ref().map(LitStr::span);
    let tx = service.subscriptions.iter().find_map(|subscription| subscription.tx);
    argument.or(migrations).or(tx).or_else(|| service.database.then_some(service.span))
}

/// Whether the last name of a type's path is one of `names`.
fn is_one_of(ty: &Type, names: &[&str]) -> bool {
    let Type::Path(path) = ty else { return false };
    path.path.segments.last().is_some_and(|segment| names.iter().any(|name| segment.ident == name))
}
