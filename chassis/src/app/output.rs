//! What commands print.

use std::fmt;
use std::io::{self, ErrorKind, Write};

use crate::{Result, ResultExt};

/// Prints a line. A reader that has seen enough, such as `head`, is no fault.
///
/// # Errors
/// What is printed cannot be written, such as to a full disk.
pub(crate) fn line(text: fmt::Arguments<'_>) -> Result<()> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("the output cannot be written"),
    }
}
