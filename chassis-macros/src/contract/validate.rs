//! The rules of a contract.

use std::collections::HashMap;

use syn::{GenericArgument, Ident, ItemTrait, LitStr, PathArguments, Type};

use super::model::{Argument, Contract, Operation, Place};
use super::parse::{Declared, Marker, ParsedArgument, ParsedOperation};
use crate::attrs::{documentation, summary};
use crate::diagnostics::{Diagnostics, list, nearest};
use crate::path::Segment;
use crate::route::RouteAttr;
use crate::stream::{is_stream, names_stream};

pub(super) fn validate(
    declared: Declared,
    item: &ItemTrait,
    parsed: Vec<ParsedOperation>,
    faults: &mut Diagnostics,
) -> Option<Contract> {
    if let Some(name) = &declared.name
        && !is_name(&name.value())
    {
        let message = format!("`{}` cannot name a contract: write lower-case words joined by `-`", name.value());
        faults.error(name, message);
    }
    let mut routes: HashMap<(&'static str, String), Ident> = HashMap::new();
    let mut operations = Vec::new();
    for parsed in parsed {
        let ParsedOperation { ident, attributes, route, arguments, output } = parsed;
        let Some(route) = route else { continue };
        let shape = (route.verb.name(), route.path.shape());
        if let Some(earlier) = routes.get(&shape) {
            let message =
                format!("`{earlier}` answers `{} {}` already", route.verb.constant(), route.path.literal.value());
            faults.error(&route.path.literal, message);
        }
        routes.insert(shape, ident.clone());
        check_route(&route, faults);
        let streams = check_answer(output.as_ref(), faults) | check_arguments(&route, &arguments, faults);
        if let Some(kind) = &route.content_type {
            check_content_type(kind, streams, faults);
        }
        let arguments = places(&ident, &route, arguments, faults);
        operations.push(Operation {
            documentation: attributes.iter().filter(|attribute| attribute.path().is_ident("doc")).cloned().collect(),
            summary: summary(&attributes),
            description: documentation(&attributes),
            ident,
            route,
            arguments,
            output: output?,
        });
    }
    if operations.is_empty() && faults.is_empty() {
        faults.error(&item.ident, "the contract has no methods: declare one, such as `#[get(\"/stock\")] async fn …`");
    }
    Some(Contract {
        ident: item.ident.clone(),
        visibility: item.vis.clone(),
        name: declared.name?.value(),
        version: declared.version?.0,
        description: documentation(&item.attrs),
        operations,
    })
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
}

fn check_route(route: &RouteAttr, faults: &mut Diagnostics) {
    if let Some(Segment::Rest(name)) = route.path.segments.last() {
        let message =
            format!("a contract's parameters are single segments: write `{{{name}}}` instead of `{{*{name}}}`");
        faults.error(&route.path.literal, message);
    }
    if let Some(at) = route.idempotent
        && route.verb.is_idempotent()
    {
        let name = route.verb.name();
        faults.at(at, format!("`#[{name}]` is idempotent by itself; the word belongs on `#[post]` and `#[patch]`"));
    }
}

/// Whether it answers with a stream, which is then the answer itself.
fn check_answer(output: Option<&Type>, faults: &mut Diagnostics) -> bool {
    let Some(output) = output else { return false };
    let answer = first_of(output, None);
    let answer = answer.map(|answer| first_of(answer, Some("Reply")).unwrap_or(answer));
    let streams = answer.is_some_and(is_stream);
    if !streams && let Some(stream) = names_stream(output) {
        let advice = "a stream is all that is answered: write `Result<ByteStream, …>`, or `Result<Reply<ByteStream>, …>` for \
                      headers beside it";
        faults.error(&stream, advice);
    }
    streams
}

/// The first `T` of `name<T, …>`, or of any type.
fn first_of<'a>(ty: &'a Type, name: Option<&str>) -> Option<&'a Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|last| name.is_none_or(|name| last.ident == name))?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

/// Whether it takes a stream, which is then the body itself.
fn check_arguments(route: &RouteAttr, parsed: &[ParsedArgument], faults: &mut Diagnostics) -> bool {
    for ParsedArgument { ident, ty, marker } in parsed {
        let Some(stream) = names_stream(ty) else { continue };
        let in_path = route.path.parameters().any(|name| ident == name);
        let verb = route.verb;
        let body = format!("write `#[body] {ident}: ByteStream`");
        let fault = match marker {
            _ if !is_stream(ty) => format!("a stream is a body by itself, be it empty: {body}"),
            Some(Marker::Header(_)) => format!("a stream has no place in a header: {body}"),
            Some(Marker::Query(_)) => format!("a stream has no place in a query: {body}"),
            _ if in_path => format!("a stream has no place in the path: {body}, under another name"),
            None if !verb.has_body() => {
                format!("a {} request has no body: make the route a `#[post]` or a `#[put]`", verb.constant())
            }
            _ => continue,
        };
        faults.error(&stream, fault);
    }
    parsed.iter().any(|argument| is_stream(&argument.ty))
}

fn check_content_type(kind: &LitStr, streams: bool, faults: &mut Diagnostics) {
    let text = kind.value();
    if !streams {
        faults.error(kind, "`content_type` is that of a `ByteStream`; everything else is JSON");
    } else if !text.bytes().all(|byte| matches!(byte, b' '..=b'~')) || !text.contains('/') {
        faults.error(kind, format!("`{text}` is no media type: write one such as \"text/csv\""));
    }
}

/// Gives each argument its place in the request.
fn places(method: &Ident, route: &RouteAttr, parsed: Vec<ParsedArgument>, faults: &mut Diagnostics) -> Vec<Argument> {
    let names: Vec<String> = parsed.iter().map(|argument| argument.ident.to_string()).collect();
    missing_arguments(method, route, &names, &parsed, faults);
    let (mut body, mut query): (Option<Ident>, Option<Ident>) = (None, None);
    let mut streamed = false;
    let mut headers: Vec<LitStr> = Vec::new();
    let mut arguments = Vec::new();
    for ParsedArgument { ident, ty, marker } in parsed {
        let verb = route.verb;
        let in_path = route.path.parameters().any(|name| ident == name);
        let place = match marker {
            None if in_path => Place::Path,
            Some(Marker::Query(at) | Marker::Body(at)) if in_path => {
                faults.at(at, format!("the path names `{ident}` already"));
                Place::Path
            }
            Some(Marker::Header(name)) => {
                if in_path {
                    faults.error(&name, format!("the path names `{ident}` already"));
                }
                if headers.iter().any(|earlier| earlier.value() == name.value()) {
                    faults.error(&name, format!("the header `{}` is taken already", name.value()));
                }
                headers.push(name.clone());
                Place::Header(name)
            }
            Some(Marker::Body(at)) if !verb.has_body() => {
                let name = verb.constant();
                faults.at(at, format!("a {name} request has no body: make it a query, or the route a `#[post]`"));
                Place::Query
            }
            Some(Marker::Body(_)) => Place::Body,
            Some(Marker::Query(_)) => Place::Query,
            None if verb.has_body() => Place::Body,
            None => Place::Query,
        };
        let advice = || match nearest(&ident.to_string(), &unmatched(route, &names)) {
            Some(near) => format!(" (or is it the path's `{near}`?)"),
            None => String::new(),
        };
        match place {
            Place::Body => match &body {
                Some(first) if is_stream(&ty) || streamed => faults.error(
                    &ident,
                    format!(
                        "a request has one body, which is `{first}`: what goes beside a stream stands in the path, in a \
                         header (`#[header(\"…\")]`) or in the query (`#[query]`), and a second stream goes with a call of its own"
                    ),
                ),
                Some(first) => faults.error(
                    &ident,
                    format!(
                        "a request has one body, which is `{first}`: put `{ident}` into it, into the path as `{{{ident}}}`, \
                         or mark it `#[header(\"…\")]` or `#[query]`{}",
                        advice()
                    ),
                ),
                None => {
                    streamed = is_stream(&ty);
                    body = Some(ident.clone());
                }
            },
            Place::Query => match &query {
                Some(first) => faults.error(
                    &ident,
                    format!(
                        "a request has one query, which is `{first}`: make one `#[model]` struct of them, or put `{ident}` \
                         into the path as `{{{ident}}}`{}",
                        advice()
                    ),
                ),
                None => query = Some(ident.clone()),
            },
            Place::Path | Place::Header(_) | Place::Stream => {}
        }
        let place = if matches!(place, Place::Body) && is_stream(&ty) { Place::Stream } else { place };
        arguments.push(Argument { ident, ty, place });
    }
    arguments
}

/// The path's parameters that no argument has the name of.
fn unmatched<'a>(route: &'a RouteAttr, names: &[String]) -> Vec<&'a str> {
    route.path.parameters().filter(|parameter| !names.iter().any(|name| name == parameter)).collect()
}

fn missing_arguments(
    method: &Ident,
    route: &RouteAttr,
    names: &[String],
    parsed: &[ParsedArgument],
    faults: &mut Diagnostics,
) {
    for parameter in unmatched(route, names) {
        let free: Vec<&str> = parsed
            .iter()
            .filter(|argument| argument.marker.is_none())
            .zip(names)
            .map(|(_, name)| name.as_str())
            .filter(|name| !route.path.parameters().any(|parameter| parameter == *name))
            .collect();
        let advice = match nearest(parameter, &free) {
            Some(near) => format!("rename `{near}`, or write `{{{near}}}`"),
            None if free.is_empty() => format!("write `{method}(&self, {parameter}: …)`"),
            None => format!("write `{method}(&self, {parameter}: …)`; it has {}", list(free)),
        };
        let message = format!("the path has `{{{parameter}}}`, but `{method}` has no argument of that name: {advice}");
        faults.error(&route.path.literal, message);
    }
}
