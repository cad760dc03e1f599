//! What the futures of a layer hold their breaker by.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use super::breaker::CircuitBreaker;
use crate::resilience::stripe::{Apart, mine, stripes};

/// A breaker, and a handle to it for each processor.
///
/// A call takes a handle along until it ends. Were it the same one for all, two threads would wait for each other to count it, for as long as
/// both readings of the clock take.
#[derive(Clone)]
pub(super) struct Handles(Arc<[Handle]>);

/// What a call takes along.
#[derive(Clone)]
pub struct Handle(Arc<Apart<CircuitBreaker>>);

impl Handles {
    pub(super) fn new(breaker: &CircuitBreaker) -> Self {
        Self((0..stripes()).map(|_| Handle(Arc::new(Apart(breaker.clone())))).collect())
    }

    /// The calling thread's.
    #[inline]
    pub(super) fn mine(&self) -> &Handle {
        &self.0[mine() & (self.0.len() - 1)]
    }
}

impl Borrow<CircuitBreaker> for Handle {
    #[inline]
    fn borrow(&self) -> &CircuitBreaker {
        &self.0.0
    }
}

impl fmt::Debug for Handles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let breaker: &CircuitBreaker = self.mine().borrow();
        breaker.fmt(f)
    }
}
