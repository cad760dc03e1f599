//! What is done about a failure, by the kind of its error.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::ErrorKind;

/// What is done about a message whose handler failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailureAction {
    /// It is tried again in place, then after each pause of the policy, and then parked.
    Retry,
    /// It is tried again in place only, and then parked.
    RetryNow,
    /// It is tried again after a pause, never in place: attempts in place become attempts after the first pause.
    RetryLater,
    /// It is parked at once.
    Park,
    /// It is acknowledged, counted and logged, and gone.
    Discard,
    /// It goes back without having been an attempt, and the listener pauses until what it needs is there again.
    Pause,
}

impl FailureAction {
    /// What is done where the policy says nothing.
    ///
    /// What can never succeed is parked at once. What is overloaded is left alone for a while. A circuit that is open has seen
    /// its failures already, so that nothing more is risked on it. All else may be better the next time.
    pub fn by_default(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Invalid => Self::Park,
            ErrorKind::Overloaded => Self::RetryLater,
            ErrorKind::CircuitOpen => Self::Pause,
            _ => Self::Retry,
        }
    }
}

/// Actions by the kind of error, as settings have them; what is left out is done by default.
///
/// ```toml
/// [messaging.retry.patient]
/// immediate = 1
/// delays = ["1m", "10m", "1h"]
/// on = { unavailable = "pause", protocol = "park" }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct FailureActions {
    /// Errors without a kind of their own, such as a failed query or a panic.
    pub unexpected: Option<FailureAction>,
    /// Wrong settings.
    pub config: Option<FailureAction>,
    /// A handler, or what it called, that took too long.
    pub deadline_exceeded: Option<FailureAction>,
    /// A circuit breaker that refused a call; `pause` by default.
    pub circuit_open: Option<FailureAction>,
    /// A limit that refused a call; `retry_later` by default.
    pub overloaded: Option<FailureAction>,
    /// Something that could not be reached.
    pub unavailable: Option<FailureAction>,
    /// An answer that the contract does not know.
    pub protocol: Option<FailureAction>,
    /// Data that could not be decoded; a message's own body is parked whatever stands here.
    pub decode: Option<FailureAction>,
    /// What can never succeed; `park` by default.
    pub invalid: Option<FailureAction>,
    /// Something that was closed already.
    pub closed: Option<FailureAction>,
}

impl FailureActions {
    pub(super) fn chosen(&self) -> impl Iterator<Item = (ErrorKind, FailureAction)> {
        let Self { unexpected, config, deadline_exceeded, circuit_open, overloaded, unavailable, .. } = *self;
        let Self { protocol, decode, invalid, closed, .. } = *self;
        let all = [
            (ErrorKind::Unexpected, unexpected),
            (ErrorKind::Config, config),
            (ErrorKind::DeadlineExceeded, deadline_exceeded),
            (ErrorKind::CircuitOpen, circuit_open),
            (ErrorKind::Overloaded, overloaded),
            (ErrorKind::Unavailable, unavailable),
            (ErrorKind::Protocol, protocol),
            (ErrorKind::Decode, decode),
            (ErrorKind::Invalid, invalid),
            (ErrorKind::Closed, closed),
        ];
        all.into_iter().filter_map(|(kind, action)| Some((kind, action?)))
    }
}
