//! Retries of calls that succeed at once: what it costs to be ready for another attempt.

use std::convert::Infallible;
use std::future::Ready;
use std::sync::Arc;

use chassis::resilience::retry::{EveryError, RetryLayer, RetryPolicy};
use tower::Layer;
use tower::retry::Policy;
use tower::retry::budget::{Budget, TpsBudget};

use crate::breakers::at_once;
use crate::measure::{Subject, service};

/// The rule of tower's own layer, with its budget.
#[derive(Clone)]
struct Budgeted(Arc<TpsBudget>);

impl Policy<u32, u32, Infallible> for Budgeted {
    type Future = Ready<()>;

    fn retry(&mut self, _: &mut u32, result: &mut Result<u32, Infallible>) -> Option<Self::Future> {
        match result {
            Ok(_) => {
                self.0.deposit();
                None
            }
            Err(_) => self.0.withdraw().then(|| std::future::ready(())),
        }
    }

    fn clone_request(&mut self, request: &u32) -> Option<u32> {
        Some(*request)
    }
}

pub fn subjects() -> Vec<Subject> {
    let ours = RetryLayer::new(RetryPolicy::default(), EveryError);
    let peer = tower::retry::RetryLayer::new(Budgeted(Arc::new(TpsBudget::default())));
    vec![
        Subject::new("retry-layer", "chassis", move || service(ours.layer(at_once()), 7u32)),
        Subject::new("retry-layer", "tower, TpsBudget", move || service(peer.layer(at_once()), 7u32)),
    ]
}
