use chassis::prelude::*;

struct Orders;

#[service(name = "orders", database)]
impl Orders {
    #[post("/sizes", body_limit = "10 parsecs", limit = 0, rate = "often", burst = 0, priority = "sheddabel")]
    async fn sizes(&self) -> &'static str {
        "none"
    }

    #[post("/kinds", body_limit = 0, limit = "none", rate = 100, burst = "50", priority = 1)]
    async fn kinds(&self) -> &'static str {
        "none"
    }

    #[post("/words", body_limit, limit, rate, priority("critical"), cancellable = true)]
    async fn words(&self) -> &'static str {
        "none"
    }

    #[get("/needless", body_limit = "10 MiB", cancellable)]
    async fn needless(&self) -> &'static str {
        "none"
    }

    #[post("/together", limit = "off", priority = "critical", burst = 20)]
    async fn together(&self) -> &'static str {
        "none"
    }

    #[post("/kept", idempotent, cancellable)]
    async fn kept(&self) -> &'static str {
        "none"
    }
}

fn main() {}
