use chassis::prelude::*;

struct Orders;

fn main() -> ExitCode {
    chassis::run(Orders)
}
