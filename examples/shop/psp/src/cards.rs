//! The test cards.

/// What a card does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behaviour {
    /// It is charged.
    Approve,
    /// It is charged, but nobody hears of it the first time.
    ApproveAndLoseTheAnswer,
    /// It is refused, for a reason.
    Decline(&'static str),
}

impl Behaviour {
    /// The reason of a refusal.
    pub(crate) fn refusal(self) -> Option<&'static str> {
        match self {
            Self::Approve | Self::ApproveAndLoseTheAnswer => None,
            Self::Decline(reason) => Some(reason),
        }
    }
}

/// What the card behind a token does.
pub(crate) fn behaviour(token: &str) -> Behaviour {
    match token {
        "tok_4242" => Behaviour::Approve,
        "tok_0119" => Behaviour::ApproveAndLoseTheAnswer,
        "tok_0002" => Behaviour::Decline("the bank has declined the card"),
        _ => Behaviour::Decline("there is no such card"),
    }
}
