//! The suite that every transport passes.

use std::sync::Arc;

use chassis::BoxFuture;
use chassis::messaging::conformance::Fixture;
use chassis::messaging::driver::Driver;
use harness::rabbitmq::{VirtualHost, virtual_host};

use crate::kit::connect;

/// A virtual host to itself.
struct Rabbitmq(VirtualHost);

async fn rabbitmq() -> Rabbitmq {
    Rabbitmq(virtual_host("conformance").await)
}

impl Fixture for Rabbitmq {
    fn connect(&self) -> BoxFuture<'_, Arc<dyn Driver>> {
        Box::pin(async { Arc::new(connect(&self.0.uri()).await) as Arc<dyn Driver> })
    }

    fn cut(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.0.close_all_connections("for a test"))
    }

    fn limit_length<'a>(&'a self, queue: &'a str, max: u32) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let (pattern, definition) = (format!("^{queue}$"), format!(r#"{{"max-length":{max}}}"#));
            self.0.ctl("set_policy", &["length", &pattern, &definition, "--apply-to", "queues"]).await;
        })
    }
}

chassis::conformance_suite!(rabbitmq);
