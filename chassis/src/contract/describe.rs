//! A contract as data, for documents such as OpenAPI.

use http::Method;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Value, json};
use tokio::time::Duration;

use super::ErrorSpec;
use super::operation::Operation;
use super::table::{Form, Output, Plain, Whole};
use crate::http::Guards;

/// A contract. Its schemas refer to definitions that its [`SchemaGenerator`] collects.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ContractSpec {
    /// Its name.
    pub name: &'static str,
    /// Its major version.
    pub version: u32,
    /// Its documentation.
    pub description: &'static str,
    /// What can be asked.
    pub operations: Vec<OperationSpec>,
}

/// One operation of a contract.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct OperationSpec {
    /// The method's name.
    pub name: &'static str,
    /// The HTTP method.
    pub method: Method,
    /// The path with its version: `/v1/stock/{sku}`.
    pub path: &'static str,
    /// The first paragraph of its documentation.
    pub summary: &'static str,
    /// All of its documentation.
    pub description: &'static str,
    /// What stands in path, query and headers.
    pub parameters: Vec<ParameterSpec>,
    /// The schema of the body, if there is one.
    pub request: Option<Schema>,
    /// The media type of the body.
    pub request_type: &'static str,
    /// The status of a success.
    pub status: u16,
    /// The schema of the answer, if there is one.
    pub response: Option<Schema>,
    /// The media type of the answer.
    pub response_type: &'static str,
    /// The errors that are promised.
    pub errors: Vec<ErrorSpec>,
    /// Whether it may be repeated.
    pub idempotent: bool,
    /// Whether repeating it takes the header `idempotency-key`.
    pub keyed: bool,
    /// How long it may take, where it was declared.
    pub timeout: Option<Duration>,
    /// What else is declared of how it is guarded.
    pub guards: Guards,
}

/// Something that stands in path, query or headers.
#[derive(Debug, Clone)]
pub struct ParameterSpec {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub place: Place,
    /// Whether it must be there.
    pub required: bool,
    /// Its schema.
    pub schema: Schema,
}

/// Where a parameter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the path.
    Path,
    /// In the query.
    Query,
    /// In a header.
    Header,
}

impl Place {
    /// Its name in OpenAPI.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Header => "header",
        }
    }
}

const JSON: &str = "application/json";

/// The schema of a stream.
pub(crate) fn bytes() -> Schema {
    json!({ "type": "string", "format": "binary" }).try_into().unwrap_or_default()
}

/// Collects what one operation takes and gives; called by generated code.
pub struct Describe<'a> {
    generator: &'a mut SchemaGenerator,
    streams_as: &'static str,
    spec: OperationSpec,
}

impl<'a> Describe<'a> {
    /// Begins with what was declared.
    pub fn new(operation: &Operation, generator: &'a mut SchemaGenerator) -> Self {
        let spec = OperationSpec {
            name: operation.name,
            method: operation.method.clone(),
            path: operation.path,
            summary: operation.summary,
            description: operation.description,
            parameters: Vec::new(),
            request: None,
            request_type: JSON,
            status: operation.status.unwrap_or(200),
            response: None,
            response_type: JSON,
            errors: Vec::new(),
            idempotent: operation.idempotent,
            keyed: operation.is_keyed(),
            timeout: operation.timeout,
            guards: operation.guards,
        };
        Self { generator, streams_as: operation.media_type(), spec }
    }

    /// A path parameter.
    #[must_use]
    pub fn path<T>(self, table: &Plain<T>, name: &str) -> Self {
        self.parameter(table, name, Place::Path)
    }

    /// A header.
    #[must_use]
    pub fn header<T>(self, table: &Plain<T>, name: &str) -> Self {
        self.parameter(table, name, Place::Header)
    }

    fn parameter<T>(mut self, table: &Plain<T>, name: &str, place: Place) -> Self {
        let schema = (table.schema)(self.generator);
        // What can be read from nothing may be absent.
        let required = (table.read)(None).is_err();
        self.spec.parameters.push(ParameterSpec { name: name.to_owned(), place, required, schema });
        self
    }

    /// The query: one parameter for each field of its struct.
    #[must_use]
    pub fn query<T>(mut self, table: &Form<T>) -> Self {
        let schema = (table.schema)(self.generator);
        let list = |name| schema.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let required: Vec<&str> = list("required").collect();
        let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
        for (name, property) in properties {
            let Ok(schema) = Schema::try_from(property.clone()) else { continue };
            let required = required.contains(&name.as_str());
            self.spec.parameters.push(ParameterSpec { name: name.clone(), place: Place::Query, required, schema });
        }
        self
    }

    /// The body.
    #[must_use]
    pub fn body<T>(mut self, table: &Whole<T>) -> Self {
        self.spec.request = Some((table.schema)(self.generator));
        self
    }

    /// The body that is a stream.
    #[must_use]
    pub fn stream(mut self) -> Self {
        self.spec.request = Some(bytes());
        self.spec.request_type = self.streams_as;
        self
    }

    /// What it returns.
    pub fn output<O>(mut self, table: &Output<O>) -> OperationSpec {
        self.spec.response = (table.schema)(self.generator);
        if table.streams {
            self.spec.response_type = self.streams_as;
        }
        if self.spec.response.is_none() && self.spec.status == 200 {
            self.spec.status = 204;
        }
        self.spec.errors = (table.errors)(self.generator);
        self.spec
    }
}
