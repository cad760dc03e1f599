//! The error that every fallible function of a service can return.

#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) mod database;

use std::any::Any;
use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

/// A result whose error is [`Error`] unless said otherwise.
pub type Result<T, E = Error> = std::result::Result<T, E>;

type BoxError = Box<dyn StdError + Send + Sync + 'static>;

/// What kind of trouble an [`Error`] stands for; the part that code may decide on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Anything that has no kind of its own, such as a failed query.
    Unexpected,
    /// The settings are wrong.
    Config,
    /// The time that the caller gave is over.
    DeadlineExceeded,
    /// A circuit breaker refused the call.
    CircuitOpen,
    /// A limit refused the call; it may be tried again later.
    Overloaded,
    /// The other side could not be reached, or broke off before it answered.
    Unavailable,
    /// The other side answered something that the contract does not know.
    Protocol,
    /// Data could not be decoded.
    Decode,
    /// What was asked for makes no sense, and never will: trying again cannot help.
    Invalid,
    /// The process is ending.
    Closed,
}

impl ErrorKind {
    /// The kind's name as it stands in logs and metrics: lower case, words joined by `_`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unexpected => "unexpected",
            Self::Config => "config",
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::CircuitOpen => "circuit_open",
            Self::Overloaded => "overloaded",
            Self::Unavailable => "unavailable",
            Self::Protocol => "protocol",
            Self::Decode => "decode",
            Self::Invalid => "invalid",
            Self::Closed => "closed",
        }
    }
}

/// An error with a kind, a message for the operator and the chain of its causes.
///
/// Any `std` error turns into one with `?`. Its kind is that of the first [`Error`] among its causes, or what an error of the database
/// stands for (no connection free, gone, closed), and else [`Unexpected`](ErrorKind::Unexpected). It is deliberately no `std` error
/// itself (that is what makes the blanket conversion possible); [`Error::into_boxed`] gives one where a library wants it.
///
/// ```
/// use chassis::{Error, ErrorKind, Result, ResultExt};
///
/// fn port(text: &str) -> Result<u16> {
///     Ok(text.parse::<u16>().context("the port is no number")?)
/// }
///
/// let error = port("http").unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Unexpected);
/// assert_eq!(format!("{error}"), "the port is no number");
/// assert_eq!(format!("{error:#}"), "the port is no number: invalid digit found in string");
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: Option<Cow<'static, str>>,
    source: Option<BoxError>,
}

impl Error {
    /// An error of `kind` that says `message`.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner { kind, message: Some(message.into()), source: None }))
    }

    /// An error without a kind of its own that says `message`.
    pub fn msg(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Unexpected, message)
    }

    /// Takes over an error that is boxed already. One that went out by [`into_boxed`](Self::into_boxed) comes back as it was.
    pub fn from_boxed(source: BoxError) -> Self {
        match source.downcast::<Boxed>() {
            Ok(ours) => ours.0,
            Err(source) => Self(Box::new(Inner { kind: kind_of(&*source), message: None, source: Some(source) })),
        }
    }

    /// The same error as a `std` error.
    pub fn into_boxed(self) -> BoxError {
        Box::new(Boxed(self))
    }

    /// What kind of trouble it is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The same error under another kind.
    #[must_use]
    pub fn with_kind(mut self, kind: ErrorKind) -> Self {
        self.0.kind = kind;
        self
    }

    /// The same error with `source` as its cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Says what was being done when it happened; the error so far becomes the cause.
    #[must_use]
    pub fn context(self, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner { kind: self.kind(), message: Some(message.into()), source: Some(self.into_boxed()) }))
    }

    /// The error below, if there is one.
    pub fn source(&self) -> Option<&(dyn StdError + 'static)> {
        let source = self.0.source.as_deref()?;
        // An error without a message of its own speaks with its source's voice, so the source's source is next.
        if self.0.message.is_none() { source.source() } else { Some(source as &(dyn StdError + 'static)) }
    }

    /// The first `T` in the chain of causes.
    pub fn downcast_ref<T: StdError + 'static>(&self) -> Option<&T> {
        let mut next = self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static));
        while let Some(error) = next {
            if let Some(found) = error.downcast_ref::<T>() {
                return Some(found);
            }
            if let Some(Boxed(ours)) = error.downcast_ref::<Boxed>() {
                next = ours.0.source.as_deref().map(|source| source as &(dyn StdError + 'static));
            } else {
                next = error.source();
            }
        }
        None
    }

    /// Takes the direct cause out as a `T`.
    ///
    /// # Errors
    /// Gives the error back unchanged when its direct cause is no `T`.
    pub fn downcast<T: StdError + 'static>(mut self) -> Result<T, Self> {
        match self.0.source.take().map(|source| source.downcast::<T>()) {
            Some(Ok(found)) => Ok(*found),
            Some(Err(source)) => {
                self.0.source = Some(source);
                Err(self)
            }
            None => Err(self),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = match (&self.0.message, &self.0.source) {
            (Some(message), _) => message.to_string(),
            (None, Some(source)) => source.to_string(),
            (None, None) => self.0.kind.as_str().to_owned(),
        };
        f.write_str(&said)?;
        let mut next = if f.alternate() { self.source() } else { None };
        while let Some(error) = next {
            let text = error.to_string();
            // Some errors have said already what their cause says.
            if !said.ends_with(&text) {
                write!(f, ": {text}")?;
                said = text;
            }
            next = error.source();
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:#}")
    }
}

impl<E: StdError + Send + Sync + 'static> From<E> for Error {
    fn from(error: E) -> Self {
        Self::from_boxed(Box::new(error))
    }
}

/// The kind of an error that was none of ours.
fn kind_of(source: &(dyn StdError + 'static)) -> ErrorKind {
    let mut next = Some(source);
    while let Some(error) = next {
        if let Some(kind) = known_kind(error) {
            return kind;
        }
        next = error.source();
    }
    ErrorKind::Unexpected
}

fn known_kind(error: &(dyn StdError + 'static)) -> Option<ErrorKind> {
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    if let Some(kind) = error.downcast_ref().and_then(database::kind_of) {
        return Some(kind);
    }
    error.downcast_ref().map(|Boxed(ours)| ours.kind())
}

struct Boxed(Error);

impl fmt::Display for Boxed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for Boxed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl StdError for Boxed {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source()
    }
}

/// Says what was being done, on any result.
pub trait ResultExt<T> {
    /// Turns the error into an [`Error`] that says `message`, with the error so far as its cause.
    ///
    /// # Errors
    /// The error of `self`, in its new form.
    fn context(self, message: impl Into<Cow<'static, str>>) -> Result<T>;

    /// Turns the error into an [`Error`] of `kind`.
    ///
    /// # Errors
    /// The error of `self`, in its new form.
    fn kind(self, kind: ErrorKind) -> Result<T>;
}

impl<T, E: Into<Error>> ResultExt<T> for Result<T, E> {
    fn context(self, message: impl Into<Cow<'static, str>>) -> Result<T> {
        self.map_err(|error| error.into().context(message))
    }

    fn kind(self, kind: ErrorKind) -> Result<T> {
        self.map_err(|error| error.into().with_kind(kind))
    }
}

/// What a panic said.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("(no text)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Theirs(BoxError);

    impl fmt::Display for Theirs {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("it did not work out")
        }
    }

    impl StdError for Theirs {
        fn source(&self) -> Option<&(dyn StdError + 'static)> {
            Some(&*self.0)
        }
    }

    #[test]
    fn an_error_of_others_has_the_kind_of_ours_that_caused_it() {
        let ours = Error::new(ErrorKind::CircuitOpen, "the breaker of `psp` is open");
        let error = Error::from(Theirs(Box::new(Theirs(ours.into_boxed()))));
        assert_eq!(error.kind(), ErrorKind::CircuitOpen);
        assert_eq!(error.to_string(), "it did not work out");
        assert_eq!(Error::from(Theirs(Box::new(fmt::Error))).kind(), ErrorKind::Unexpected);
    }
}
