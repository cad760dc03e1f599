//! The smallest service. Run with `cargo run -p hello`, then `curl localhost:8080/hello/world`.

use chassis::prelude::*;

struct Hello;

#[service(name = "hello")]
impl Hello {
    /// Greets whoever is named.
    #[get("/hello/{name}")]
    async fn hello(&self, Path(name): Path<String>) -> String {
        format!("Hello, {name}!")
    }
}

fn main() -> ExitCode {
    chassis::run(Hello)
}
