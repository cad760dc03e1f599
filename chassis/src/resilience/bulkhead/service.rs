use std::mem;
use std::task::{Context, Poll};

use tower::Service;

use super::{Bulkhead, BulkheadFull, ResponseFuture};
use crate::resilience::GuardError;

/// A service behind a [`Bulkhead`].
#[derive(Debug, Clone)]
pub struct BulkheadService<S> {
    inner: S,
    bulkhead: Bulkhead,
}

impl<S> BulkheadService<S> {
    pub(super) fn new(inner: S, bulkhead: Bulkhead) -> Self {
        Self { inner, bulkhead }
    }
}

impl<S: Service<Request> + Clone, Request> Service<Request> for BulkheadService<S> {
    type Response = S::Response;
    type Error = GuardError<BulkheadFull, S::Error>;
    type Future = ResponseFuture<S, Request>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(GuardError::Inner)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        if let Ok(place) = self.bulkhead.try_acquire() {
            return ResponseFuture::running(self.inner.call(request), place);
        }
        match self.bulkhead.queue() {
            Some(turn) => {
                // The service that was asked whether it is ready is the one to call.
                let clone = self.inner.clone();
                let inner = mem::replace(&mut self.inner, clone);
                ResponseFuture::waiting(Box::pin(turn.await_place()), inner, request)
            }
            None => ResponseFuture::refused(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::sync::Semaphore;
    use tokio::time::{Instant, advance};
    use tower::{Layer, ServiceExt, service_fn};

    use super::*;
    use crate::resilience::bulkhead::{BulkheadLayer, BulkheadPolicy};

    fn bulkhead(concurrent: usize, waiting: usize) -> Bulkhead {
        let policy = BulkheadPolicy::builder().concurrent(concurrent).waiting(waiting, Duration::from_millis(100));
        Bulkhead::new(policy.build().expect("a policy"))
    }

    /// A service whose calls end when the test lets them.
    fn held(
        gate: &Arc<Semaphore>,
    ) -> impl Service<u32, Response = u32, Error = (), Future: Send> + Clone + Send + use<> {
        let gate = Arc::clone(gate);
        service_fn(move |n: u32| {
            let gate = Arc::clone(&gate);
            async move {
                gate.acquire().await.map_err(|_| ())?.forget();
                Ok(n)
            }
        })
    }

    #[tokio::test(start_paused = true)]
    async fn so_many_run_so_many_wait_and_the_others_are_refused() {
        let (bulkhead, gate) = (bulkhead(2, 1), Arc::new(Semaphore::new(0)));
        let layer = BulkheadLayer::new(bulkhead.clone());
        // As axum does: the layer is put around a new service for each request.
        let calls: Vec<_> = (0..4).map(|n| tokio::spawn(layer.layer(held(&gate)).oneshot(n))).collect();
        advance(Duration::from_millis(1)).await;
        assert_eq!((bulkhead.active(), bulkhead.waiting()), (2, 1));
        gate.add_permits(4);
        let results = futures_util::future::join_all(calls).await;
        let results: Vec<_> = results.into_iter().map(|result| result.expect("no panic")).collect();
        assert_eq!(results, [Ok(0), Ok(1), Ok(2), Err(GuardError::Refused(BulkheadFull))]);
        assert_eq!((bulkhead.active(), bulkhead.waiting()), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn the_wait_has_an_end() {
        let (bulkhead, gate) = (bulkhead(1, 1), Arc::new(Semaphore::new(0)));
        let _place = bulkhead.try_acquire().unwrap();
        let started = Instant::now();
        let result = BulkheadLayer::new(bulkhead.clone()).layer(held(&gate)).oneshot(1).await;
        assert_eq!(result, Err(GuardError::Refused(BulkheadFull)));
        assert_eq!(started.elapsed().as_millis(), 100);
        assert_eq!(bulkhead.waiting(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn calls_that_are_given_up_leave_their_places() {
        let (bulkhead, gate) = (bulkhead(1, 1), Arc::new(Semaphore::new(0)));
        let service = BulkheadLayer::new(bulkhead.clone()).layer(held(&gate));
        let mut running = Box::pin(service.clone().oneshot(1));
        assert!(futures_util::poll!(&mut running).is_pending());
        let mut waiting = Box::pin(service.clone().oneshot(2));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        assert_eq!((bulkhead.active(), bulkhead.waiting()), (1, 1));
        drop((waiting, running));
        assert_eq!((bulkhead.active(), bulkhead.waiting()), (0, 0));
        gate.add_permits(1);
        assert_eq!(service.oneshot(3).await, Ok(3));
    }
}
