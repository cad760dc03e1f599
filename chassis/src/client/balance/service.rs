//! The balancer as the layer of a call.

use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Response, Uri};
use tower::Service;

use super::Balancer;
use crate::client::answered::Answered;
use crate::client::call::Attempt;
use crate::client::rules::is_bad;
use crate::discovery::Discovery;
use crate::{BoxFuture, Error, ErrorKind, Result};

/// Sends each call to the instance that the balancer chooses.
#[derive(Clone)]
pub(in crate::client) struct Balanced<S> {
    inner: S,
    balancer: Arc<Balancer>,
    discovery: Discovery,
}

impl<S> Balanced<S> {
    pub(in crate::client) fn new(inner: S, balancer: Arc<Balancer>, discovery: Discovery) -> Self {
        // It ends with the last clone of what it watches.
        let (watched, mut changes) = (Arc::downgrade(&balancer), discovery.changes());
        balancer.update(&discovery.now().endpoints);
        tokio::spawn(async move {
            while changes.changed().await.is_ok() {
                let Some(balancer) = watched.upgrade() else { return };
                balancer.update(&changes.borrow_and_update().endpoints);
            }
        });
        Self { inner, balancer, discovery }
    }
}

impl<S> Service<Attempt> for Balanced<S>
where
    S: Service<Attempt, Response = Response<Answered>, Error = Error> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = Response<Answered>;
    type Error = Error;
    type Future = BoxFuture<'static, Result<Response<Answered>>>;

    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<()>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut attempt: Attempt) -> Self::Future {
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        let (balancer, discovery) = (Arc::clone(&self.balancer), self.discovery.clone());
        Box::pin(async move {
            if !discovery.now().read {
                // Whoever calls sets the limit.
                balancer.update(&discovery.found().await.endpoints);
            }
            let progress = &attempt.call.progress;
            let pick = balancer.pick(&progress.tried()).ok_or_else(|| nobody(&discovery))?;
            progress.goes_to(Arc::clone(pick.address()));
            let uri = attempt.request.uri_mut();
            *uri = at(uri, pick.address())?;
            let answered = inner.call(attempt).await;
            pick.end(is_bad(answered.as_ref()));
            answered
        })
    }
}

fn nobody(discovery: &Discovery) -> Error {
    let why = match &discovery.now().error {
        Some(error) => format!("no instance is known: {error}"),
        None => format!("there is no instance, says `{}`", discovery.driver()),
    };
    Error::new(ErrorKind::Unavailable, why)
}

fn at(uri: &Uri, address: &str) -> Result<Uri> {
    let authority: Authority = address
        .parse()
        .map_err(|_| Error::new(ErrorKind::Unavailable, format!("`{address}` is no address of an instance")))?;
    let path = uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    let scheme = uri.scheme().cloned().unwrap_or(Scheme::HTTP);
    let built = Uri::builder().scheme(scheme).authority(authority).path_and_query(path).build();
    built.map_err(|error| Error::new(ErrorKind::Protocol, "the instance has no valid address").with_source(error))
}
