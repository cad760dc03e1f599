//! The code behind a subscription.

use std::sync::Arc;

use super::Tx;
use crate::messaging::Received;
use crate::{BoxFuture, Error, Result};

type One = dyn for<'a> Fn(&'a Received, Option<&'a mut Tx>) -> BoxFuture<'a, Result<()>> + Send + Sync;
type Batch = dyn for<'a> Fn(&'a [Received], Option<&'a mut Tx>) -> BoxFuture<'a, Result<()>> + Send + Sync;

/// What is called with deliveries; the transaction is there when the subscription is
/// [`Mode::Transactional`](super::Mode::Transactional).
#[derive(Clone)]
pub struct Handler(Form);

#[derive(Clone)]
enum Form {
    One(Arc<One>),
    Batch(Arc<Batch>),
}

impl Handler {
    /// Takes one delivery at a time.
    pub fn one<F>(handle: F) -> Self
    where
        F: for<'a> Fn(&'a Received, Option<&'a mut Tx>) -> BoxFuture<'a, Result<()>> + Send + Sync + 'static,
    {
        Self(Form::One(Arc::new(handle)))
    }

    /// Takes many at a time, in the order in which they came; what is left of a batch that failed comes one by one.
    pub fn batch<F>(handle: F) -> Self
    where
        F: for<'a> Fn(&'a [Received], Option<&'a mut Tx>) -> BoxFuture<'a, Result<()>> + Send + Sync + 'static,
    {
        Self(Form::Batch(Arc::new(handle)))
    }

    /// Whether it takes many at a time.
    pub(super) fn takes_batches(&self) -> bool {
        matches!(self.0, Form::Batch(_))
    }

    pub(super) fn call<'a>(&'a self, batch: &'a [Received], tx: Option<&'a mut Tx>) -> BoxFuture<'a, Result<()>> {
        match (&self.0, batch) {
            (Form::One(handle), [one]) => handle(one, tx),
            (Form::Batch(handle), _) => handle(batch, tx),
            // Ruled out before a consumer starts.
            (Form::One(_), _) => Box::pin(std::future::ready(Err(Error::msg("the handler takes one delivery")))),
        }
    }
}
