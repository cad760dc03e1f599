//! What goes back and forth.

use chassis::prelude::*;

/// A note of a foreign service.
#[event(name = "foreign.noted", version = 1, owner = "foreign", key = author)]
pub struct Noted {
    /// Who wrote it.
    pub author: String,
    /// What was noted.
    pub text: String,
    /// Where, if it is known.
    pub place: Option<String>,
}

/// What the service heard.
#[event(name = "interop.echoed", version = 1, owner = "interop", key = author)]
pub struct Echoed {
    /// The id of the note.
    pub of: String,
    /// Who wrote it.
    pub author: String,
    /// What was noted.
    pub text: String,
    /// Which attempt it was at handling the note.
    pub attempt: u32,
    /// How often a note of that text has taken effect.
    pub effects: i64,
    /// The note's header `x-number` as text.
    pub number: Option<String>,
    /// The note's header `x-flag` as text.
    pub flag: Option<String>,
}

/// Something that is worth handling for a minute.
#[event(name = "interop.fleeting", version = 1, owner = "interop", expires_after = "1m")]
pub struct Fleeting {
    /// What it says.
    pub text: String,
}
