use std::mem;
use std::task::{Context, Poll};

use tower::Service;

use super::Overloaded;
use crate::resilience::GuardError;
use crate::resilience::guarded::Guarded;

/// A service that is always ready, and refuses what comes while the one below is not.
#[derive(Debug)]
pub struct LoadShedService<S> {
    inner: S,
    /// Of this handle: what another one was told says nothing here.
    ready: bool,
}

impl<S> LoadShedService<S> {
    pub(super) fn new(inner: S) -> Self {
        Self { inner, ready: false }
    }
}

impl<S: Clone> Clone for LoadShedService<S> {
    fn clone(&self) -> Self {
        Self::new(self.inner.clone())
    }
}

impl<S: Service<Request>, Request> Service<Request> for LoadShedService<S> {
    type Response = S::Response;
    type Error = GuardError<Overloaded, S::Error>;
    type Future = Guarded<S::Future, Overloaded>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        // A service that has given a place keeps it until the call.
        if !self.ready {
            self.ready = match self.inner.poll_ready(cx) {
                Poll::Ready(result) => result.map(|()| true).map_err(GuardError::Inner)?,
                Poll::Pending => false,
            };
        }
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        if mem::take(&mut self.ready) {
            Guarded::passed(self.inner.call(request))
        } else {
            Guarded::refused(Overloaded)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{Ready, ready};

    use tower::ServiceExt;

    use super::*;

    /// Ready when it is told so.
    #[derive(Clone)]
    struct Gate(bool);

    impl Service<u32> for Gate {
        type Response = u32;
        type Error = ();
        type Future = Ready<Result<u32, ()>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ()>> {
            if self.0 { Poll::Ready(Ok(())) } else { Poll::Pending }
        }

        fn call(&mut self, request: u32) -> Self::Future {
            ready(Ok(request))
        }
    }

    #[tokio::test]
    async fn what_would_wait_is_refused() {
        assert_eq!(LoadShedService::new(Gate(true)).oneshot(1).await, Ok(1));
        let mut shut = LoadShedService::new(Gate(false));
        assert_eq!(shut.ready().await.unwrap().call(1).await, Err(GuardError::Refused(Overloaded)));
        shut.inner.0 = true;
        assert_eq!(shut.ready().await.unwrap().call(1).await, Ok(1));
        assert_eq!(shut.call(1).await, Err(GuardError::Refused(Overloaded)), "not asked whether it is ready");
    }
}
