//! What is shown when there is nothing to show.

use askama::Template;

use super::Frame;

/// A page for a status other than success.
#[derive(Template)]
#[template(path = "problem.html")]
pub struct ProblemPage {
    /// What stands around it.
    pub frame: Frame,
    /// The HTTP status.
    pub status: u16,
    /// What happened, in a few words.
    pub title: &'static str,
    /// And what to do about it.
    pub text: String,
    /// Something to look at meanwhile.
    pub picture: &'static str,
}

impl ProblemPage {
    /// There is nothing under this address.
    pub fn not_found(frame: Frame) -> Self {
        let text =
            "The page may have moved, or the product has found a home already. The rest of the shop is where it was.";
        Self {
            frame,
            status: 404,
            title: "We can't find that",
            text: text.to_owned(),
            picture: "/pictures/compass/walnut/2.svg",
        }
    }

    /// Something on our side does not work.
    pub fn broken(frame: Frame, status: u16, trace: &str) -> Self {
        let mut text =
            "That is our fault, not yours, and nothing has been charged by it. Please try again in a moment."
                .to_owned();
        if !trace.is_empty() {
            text += &format!(" If you write to us, mention {trace}.");
        }
        Self {
            frame,
            status,
            title: "Something has come loose",
            text,
            picture: "/pictures/watering-can/terracotta/0.svg",
        }
    }
}
