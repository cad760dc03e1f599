//! What nearly every service names: `use chassis::prelude::*;`.

pub use std::process::ExitCode;

pub use axum::extract::{Form, Path, Query};
pub use axum::response::{Html, IntoResponse, Redirect, Response};
pub use http::{HeaderMap, StatusCode};

pub use crate::app::App;
pub use crate::contract::{CallOptions, OrUnexpected, Reply};
pub use crate::data::{Database, Tx};
#[cfg(feature = "messaging")]
pub use crate::event;
pub use crate::health::Health;
pub use crate::http::{ByteStream, Json, Problem};
#[cfg(feature = "messaging")]
pub use crate::messaging::{Delivery, Publisher};
pub use crate::{ApiError, contract, model, settings};
pub use crate::{Context, Error, ErrorKind, Result, ResultExt, service};
