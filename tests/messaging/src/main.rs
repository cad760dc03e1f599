//! The service under test. Run with `CHASSIS__MESSAGING__URL=amqp://… cargo run -p messaging-tests --bin ledger`.

use chassis::prelude::*;
use messaging_tests::ledger::Ledger;

fn main() -> ExitCode {
    chassis::run(Ledger::new)
}
