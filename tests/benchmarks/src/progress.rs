//! What is said while it runs, on the error stream, so that the table can be redirected.

use std::io::{IsTerminal, Write};

/// Says what is being done; in a terminal the next one overwrites it.
pub fn say(text: &str) {
    let mut out = std::io::stderr().lock();
    let _ = if out.is_terminal() { write!(out, "\r\x1b[2K{text}") } else { writeln!(out, "{text}") };
    let _ = out.flush();
}

/// Ends the line that was last said.
pub fn done() {
    if std::io::stderr().is_terminal() {
        eprintln!();
    }
}
