//! The shop's own program under another name, so that the tests of this package find it built, and built with failpoints.

use std::process::ExitCode;

use chassis as _;

fn main() -> ExitCode {
    shop::cli::main()
}
