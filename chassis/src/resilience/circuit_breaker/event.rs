use std::fmt;

/// How a circuit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// Calls pass and are counted.
    Closed,
    /// Calls are refused.
    Open,
    /// Some calls pass as probes.
    HalfOpen,
    /// An operator has calls refused.
    ForcedOpen,
    /// An operator has calls pass, and nothing is counted.
    Disabled,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Closed, Self::Open, Self::HalfOpen, Self::ForcedOpen, Self::Disabled];

    /// Its name in metrics and on the admin pages: lower case, words joined by `_`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
            Self::ForcedOpen => "forced_open",
            Self::Disabled => "disabled",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a circuit changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// Too many calls failed.
    Failures,
    /// Too many calls were slow.
    SlowCalls,
    /// The open time is over.
    TimeIsOver,
    /// The probes came back well.
    ProbesPassed,
    /// The probes came back badly.
    ProbesFailed,
    /// The probes did not come back.
    ProbesUnanswered,
    /// An operator said so.
    Operator,
}

impl Cause {
    /// The cause in words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Failures => "too many calls failed",
            Self::SlowCalls => "too many calls were slow",
            Self::TimeIsOver => "the open time is over",
            Self::ProbesPassed => "the probes passed",
            Self::ProbesFailed => "the probes failed",
            Self::ProbesUnanswered => "the probes were not answered",
            Self::Operator => "an operator said so",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A change of a circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    /// How it was.
    pub from: Status,
    /// How it is now.
    pub to: Status,
    /// Why.
    pub cause: Cause,
}

/// What a circuit's window holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// All calls that were counted.
    pub calls: u64,
    /// Those that failed.
    pub failures: u64,
    /// Those that were slow, whether they failed or not.
    pub slow: u64,
}
