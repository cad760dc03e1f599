//! Run with `cargo run --release -p shop`, then open <http://127.0.0.1:8080>.

use std::process::ExitCode;

fn main() -> ExitCode {
    shop::cli::main()
}
