//! Errors that a contract promises, and the one variant for those that it does not.

use std::borrow::Cow;
use std::fmt;

use http::StatusCode;
use schemars::{Schema, SchemaGenerator};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::outcome;
use crate::http::Problem;
use crate::{Error, Result};

/// An enum of errors that arrives at the caller as the same enum; written by `#[derive(ApiError)]`.
///
/// A variant is sent by its status and code, its fields as `data`. The variant marked `unexpected` takes everything else: on
/// the server whatever `?` meets, which tells the caller nothing; at the caller an unknown answer, a passed deadline or a
/// service that cannot be reached, told apart by [`Error::kind`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of a contract",
    label = "not an error of a contract: write `#[derive(ApiError)]` on it, or take `chassis::Error`"
)]
pub trait ApiError: Sized + Send + Sync + 'static {
    /// How the error is told to people and programs; `None` for what is unexpected.
    fn label(&self) -> Option<ErrorLabel>;

    /// The fields of a promised error, or the error that was not promised.
    ///
    /// # Errors
    /// What is unexpected, or fields that cannot be written.
    fn into_data(self) -> Result<Option<Value>>;

    /// The error that was not promised, or else the promised one as it was.
    ///
    /// # Errors
    /// The promised one.
    fn into_unexpected(self) -> Result<Error, Self>;

    /// The promised error of that code; `None` if there is none.
    ///
    /// # Errors
    /// When the data does not belong to the code.
    fn decode(code: &str, data: ErrorData) -> Result<Option<Self>>;

    /// The variant for an error that was not promised.
    fn unexpected(error: Error) -> Self;

    /// What is promised.
    fn describe(generator: &mut SchemaGenerator) -> Vec<ErrorSpec>;
}

/// A contract may promise no errors of its own.
impl ApiError for Error {
    fn label(&self) -> Option<ErrorLabel> {
        None
    }

    fn into_data(self) -> Result<Option<Value>> {
        Err(self)
    }

    fn into_unexpected(self) -> Result<Error, Self> {
        Ok(self)
    }

    fn decode(_: &str, _: ErrorData) -> Result<Option<Self>> {
        Ok(None)
    }

    fn unexpected(error: Error) -> Self {
        error
    }

    fn describe(_: &mut SchemaGenerator) -> Vec<ErrorSpec> {
        Vec::new()
    }
}

/// How a promised error is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorLabel {
    /// The status of the response.
    pub status: u16,
    /// Its stable name, for programs.
    pub code: &'static str,
    /// What kind of error it is, for people.
    pub title: &'static str,
    /// What is wrong this time, for people.
    pub detail: Option<String>,
}

/// What a contract promises about one of its errors.
#[derive(Debug, Clone)]
pub struct ErrorSpec {
    /// The status of the response.
    pub status: u16,
    /// Its stable name.
    pub code: &'static str,
    /// What kind of error it is.
    pub title: &'static str,
    /// The schema of its data.
    pub data: Option<Schema>,
}

/// The data of an error that has arrived.
#[derive(Debug, Clone)]
pub struct ErrorData(pub(super) Option<Value>);

impl ErrorData {
    /// Reads it as the fields of a variant.
    ///
    /// # Errors
    /// When it is something else.
    pub fn read<T: DeserializeOwned>(self) -> Result<T> {
        serde_json::from_value(self.0.unwrap_or_default())
            .map_err(|error| outcome::unreadable("the error's data is not what its code promises", &error))
    }
}

/// Writes the fields of a variant.
///
/// # Errors
/// When they cannot be written as JSON.
pub fn error_data<T: Serialize>(fields: &T) -> Result<Option<Value>> {
    serde_json::to_value(fields).map(Some).map_err(|error| Error::from(error).context("the error cannot be written"))
}

/// The problem that a promised error is sent as.
///
/// # Errors
/// The error that was not promised.
pub(super) fn encode<E: ApiError>(contract: &str, error: E) -> Result<Problem> {
    let label = error.label();
    let data = error.into_data()?;
    let label = label.ok_or_else(|| Error::msg("an error has data but no code"))?;
    let status = StatusCode::from_u16(label.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut problem = Problem::of(contract, status, label.code).title(label.title);
    problem.detail = label.detail;
    problem.data = data;
    Ok(problem)
}

/// Everything that `?` turns into the unexpected variant: each `std` error, and [`Error`].
#[diagnostic::on_unimplemented(
    message = "`?` cannot turn `{Self}` into the error of this contract",
    label = "for another contract's error write `.or_unexpected()?`, or choose a variant with `.map_err(…)`"
)]
pub trait IntoError {
    #[doc(hidden)]
    fn into_error(self) -> Error;
}

#[diagnostic::do_not_recommend]
impl<E: std::error::Error + Send + Sync + 'static> IntoError for E {
    fn into_error(self) -> Error {
        self.into()
    }
}

impl IntoError for Error {
    fn into_error(self) -> Error {
        self
    }
}

/// A promised error on its way through functions that return [`Result`](crate::Result).
struct Raised<E> {
    error: E,
    text: String,
}

impl<E> fmt::Debug for Raised<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<E> fmt::Display for Raised<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<E> std::error::Error for Raised<E> {}

/// Turns a contract's error into the library's; [`lower`] finds it again.
pub fn raise<E: ApiError>(error: E) -> Error {
    let text = match error.label() {
        Some(ErrorLabel { code, detail: Some(detail), .. }) => Cow::Owned(format!("{code}: {detail}")),
        Some(ErrorLabel { code, title, .. }) => Cow::Owned(format!("{code}: {title}")),
        None => Cow::Borrowed("unexpected"),
    };
    match error.into_unexpected() {
        Ok(error) => error,
        Err(error) => Error::from_boxed(Box::new(Raised { error, text: text.into_owned() })),
    }
}

/// Turns the library's error into a contract's: back into the variant it was [raised](raise) as, else the unexpected one.
pub fn lower<E: ApiError>(error: Error) -> E {
    match error.downcast::<Raised<E>>() {
        Ok(raised) => raised.error,
        Err(error) => E::unexpected(error),
    }
}

/// The same for an error that is not the library's yet.
pub fn lower_any<T: Into<Error>, E: ApiError>(error: T) -> E {
    lower(error.into())
}

/// For calls to another contract, whose promised errors are none of this one's.
pub trait OrUnexpected<T> {
    /// Takes every error as an unexpected one, so that `?` accepts it.
    ///
    /// # Errors
    /// The error of `self`, in its new form.
    fn or_unexpected(self) -> Result<T>;
}

impl<T, E: Into<Error>> OrUnexpected<T> for Result<T, E> {
    fn or_unexpected(self) -> Result<T> {
        self.map_err(Into::into)
    }
}

/// The type that an unexpected variant holds.
#[diagnostic::on_unimplemented(
    message = "the unexpected variant holds a `chassis::Error`, not `{Self}`",
    label = "write `chassis::Error`"
)]
pub trait UnexpectedError {}

impl UnexpectedError for Error {}

/// Requires the type that an unexpected variant holds.
pub fn same_error<E: UnexpectedError>() {}
