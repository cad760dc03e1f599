//! The OpenAPI 3.1 document of a service: <https://spec.openapis.org/oas/v3.1.1>.

use http::Method;
use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};
use tokio::time::Duration;

use crate::config::size;
use crate::contract::{ContractSpec, ErrorSpec, OperationSpec, bytes};
use crate::http::problem::MEDIA_TYPE;
use crate::http::stream::OCTETS;
use crate::http::{Describe, Guards, Limit, RouteSpec};

/// A document that is being put together.
pub(super) struct Document {
    title: &'static str,
    version: &'static str,
    paths: Map<String, Value>,
    generator: SchemaGenerator,
}

impl Document {
    pub(super) fn new(title: &'static str, version: &'static str) -> Self {
        let generator = SchemaSettings::draft2020_12()
            .with(|settings| settings.definitions_path = "/components/schemas".into())
            .into_generator();
        let version = if version.is_empty() { "0.0.0" } else { version };
        Self { title, version, paths: Map::new(), generator }
    }

    /// Adds a route of the service's own, of which its declaration is known and the JSON that it takes and answers.
    pub(super) fn route(&mut self, route: &RouteSpec) {
        let success = route.status.map_or(200, |status| status.as_u16()).to_string();
        let parameters = in_path(route.path)
            .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }));
        let json = |describe: Describe, generator: &mut SchemaGenerator| {
            let schema = describe(generator).map_or(json!({}), Schema::to_value);
            json!({ "application/json": { "schema": schema } })
        };
        let mut answer = json!({ "description": "Success" });
        if let Some(describe) = route.response {
            answer["content"] = json(describe, &mut self.generator);
        }
        let stream = || content(OCTETS, &bytes());
        if route.answers_stream {
            answer["content"] = stream();
        }
        let mut responses = Map::new();
        responses.insert(success, answer);
        refusals(&route.method, &route.guards, route.timeout, &mut responses);
        responses.insert("default".to_owned(), failure("What went wrong", None));
        let mut operation = json!({
            "operationId": route.name,
            "summary": route.summary,
            "parameters": parameters.collect::<Vec<_>>(),
            "responses": responses,
        });
        if let Some(describe) = route.request {
            let content = json(describe, &mut self.generator);
            operation["requestBody"] = json!({ "required": true, "content": content });
        }
        if route.takes_stream {
            operation["requestBody"] = json!({ "required": true, "content": stream() });
        }
        self.add(route.path, route.method.as_str(), operation);
    }

    /// Adds all that a contract promises.
    pub(super) fn contract(&mut self, describe: fn(&mut SchemaGenerator) -> ContractSpec) {
        let contract = describe(&mut self.generator);
        let tag = format!("{} v{}", contract.name, contract.version);
        for operation in &contract.operations {
            self.add(operation.path, operation.method.as_str(), promised(&contract, operation, &tag));
        }
    }

    fn add(&mut self, path: &str, method: &str, mut operation: Value) {
        if let Some(operation) = operation.as_object_mut() {
            // What is empty says nothing.
            operation.retain(|_, value| *value != json!("") && *value != json!([]));
        }
        let methods = self.paths.entry(path.replace("{*", "{")).or_insert_with(|| json!({}));
        methods[method.to_ascii_lowercase()] = operation;
    }

    pub(super) fn finish(mut self) -> Value {
        let mut schemas = self.generator.take_definitions(true);
        schemas.insert("Problem".to_owned(), problem());
        json!({
            "openapi": "3.1.1",
            "info": { "title": self.title, "version": self.version },
            "paths": self.paths,
            "components": { "schemas": schemas },
        })
    }
}

fn promised(contract: &ContractSpec, operation: &OperationSpec, tag: &str) -> Value {
    let mut parameters: Vec<Value> = operation
        .parameters
        .iter()
        .map(|parameter| {
            json!({
                "name": parameter.name,
                "in": parameter.place.as_str(),
                "required": parameter.required,
                "schema": parameter.schema,
            })
        })
        .collect();
    if operation.keyed {
        let description = "The same for each repetition of one call.";
        let schema = json!({ "type": "string", "maxLength": 255 });
        parameters
            .push(json!({ "name": "Idempotency-Key", "in": "header", "description": description, "schema": schema }));
    }
    let mut responses = Map::new();
    let mut success = json!({ "description": "Success" });
    if let Some(schema) = &operation.response {
        success["content"] = content(operation.response_type, schema);
    }
    responses.insert(operation.status.to_string(), success);
    for (status, errors) in by_status(&operation.errors) {
        responses.insert(status.to_string(), failure(&titles(&errors), Some((contract.name, &errors))));
    }
    refusals(&operation.method, &operation.guards, operation.timeout, &mut responses);
    responses.insert("default".to_owned(), failure("What was not promised", None));
    let mut described = json!({
        "operationId": operation.name,
        "summary": operation.summary,
        "description": operation.description,
        "tags": [tag],
        "parameters": parameters,
        "responses": responses,
    });
    if let Some(schema) = &operation.request {
        let content = content(operation.request_type, schema);
        described["requestBody"] = json!({ "required": true, "content": content });
    }
    described
}

/// A body of that media type.
fn content(media_type: &str, schema: &Schema) -> Value {
    json!({ media_type: { "schema": schema } })
}

/// What a request may be answered before its handler is asked, as far as the declaration says. A promised error of the same
/// status says more.
fn refusals(method: &Method, guards: &Guards, timeout: Option<Duration>, responses: &mut Map<String, Value>) {
    let mut add = |status: &str, description: String, again: bool| {
        let response = responses.entry(status).or_insert_with(|| failure(&description, None));
        if again && let Some(response) = response.as_object_mut() {
            let description = "After how many seconds to come again.";
            let header = json!({ "description": description, "schema": { "type": "integer" } });
            response.insert("headers".to_owned(), json!({ "Retry-After": header }));
        }
    };
    if matches!(*method, Method::POST | Method::PUT | Method::PATCH) {
        let limit = guards.body_limit.map_or_else(|| "the limit".to_owned(), size::show);
        add("413", format!("The body is over {limit} (`body_too_large`)"), false);
    }
    if let Some(rate) = guards.rate {
        add("429", format!("More than {rate} requests came (`rate_limited`)"), true);
    }
    if guards.limit != Some(Limit::Off) {
        add("503", "There is too much to do (`overloaded`)".to_owned(), true);
    }
    let within = timeout.map_or_else(String::new, |time| format!(" of {}", humantime::format_duration(time)));
    add("504", format!("The time{within} for the request is over (`deadline_exceeded`)"), false);
}

fn by_status(errors: &[ErrorSpec]) -> Vec<(u16, Vec<&ErrorSpec>)> {
    let mut grouped: Vec<(u16, Vec<&ErrorSpec>)> = Vec::new();
    for error in errors {
        match grouped.iter_mut().find(|(status, _)| *status == error.status) {
            Some((_, group)) => group.push(error),
            None => grouped.push((error.status, vec![error])),
        }
    }
    grouped
}

fn titles(errors: &[&ErrorSpec]) -> String {
    let titles: Vec<_> = errors.iter().map(|error| format!("{} (`{}`)", error.title, error.code)).collect();
    titles.join("; ")
}

/// A response with a problem; that of a promised error says which code it has and which data.
fn failure(description: &str, promised: Option<(&str, &[&ErrorSpec])>) -> Value {
    let general = json!({ "$ref": "#/components/schemas/Problem" });
    let schema = match promised {
        None => general,
        Some((contract, errors)) => {
            let each = errors.iter().map(|error| {
                let data = error.data.clone().map_or(json!({}), Schema::to_value);
                let kind = format!("urn:problem:{contract}:{}", error.code);
                let properties = json!({ "type": { "const": kind }, "code": { "const": error.code }, "data": data });
                json!({ "allOf": [general, { "type": "object", "properties": properties }] })
            });
            json!({ "oneOf": each.collect::<Vec<_>>() })
        }
    };
    json!({ "description": description, "content": { MEDIA_TYPE: { "schema": schema } } })
}

fn in_path(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|segment| {
        let name = segment.strip_prefix('{')?.strip_suffix('}')?;
        Some(name.strip_prefix('*').unwrap_or(name))
    })
}

/// RFC 9457 with the extensions of docs/wire.md.
fn problem() -> Value {
    let text = || json!({ "type": "string" });
    json!({
        "type": "object",
        "required": ["type", "title", "status", "code"],
        "properties": {
            "type": text(),
            "title": text(),
            "status": { "type": "integer" },
            "detail": text(),
            "instance": text(),
            "code": text(),
            "data": {},
            "trace_id": text(),
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["pointer", "message"],
                    "properties": { "pointer": text(), "message": text() },
                },
            },
        },
    })
}
