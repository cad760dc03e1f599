//! The balancer within a call.

use std::sync::Arc;

use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Request, Response, Uri};

use crate::client::answered::Answered;
use crate::client::call::Call;
use crate::client::instances::Instances;
use crate::client::rules::is_bad;
use crate::client::sending::Sending;
use crate::client::transport::Transport;
use crate::discovery::Discovery;
use crate::{Error, ErrorKind, Result};

/// Sends each request to the instance that the balancer chooses.
pub(in crate::client) struct Balanced {
    transport: Transport,
    instances: Instances,
}

impl Balanced {
    pub(in crate::client) fn new(transport: Transport, instances: Instances) -> Self {
        let Instances { discovery, balancer } = &instances;
        // It ends with the last clone of what it watches.
        let (watched, mut changes) = (Arc::downgrade(balancer), discovery.changes());
        balancer.update(&discovery.now().endpoints);
        tokio::spawn(async move {
            while changes.changed().await.is_ok() {
                let Some(balancer) = watched.upgrade() else { return };
                balancer.update(&changes.borrow_and_update().endpoints);
            }
        });
        Self { transport, instances }
    }

    pub(in crate::client) fn instances(&self) -> &Instances {
        &self.instances
    }

    /// Sends a request of a call to an instance, to one where the call has not been if there is any.
    pub(in crate::client) async fn send(
        &self,
        mut request: Request<Sending>,
        call: &Call,
    ) -> Result<Response<Answered>> {
        let Instances { discovery, balancer } = &self.instances;
        if !discovery.now().read {
            // Whoever calls sets the limit.
            balancer.update(&discovery.found().await.endpoints);
        }
        let pick = balancer.pick(&call.tried()).ok_or_else(|| nobody(discovery))?;
        call.tried().push(Arc::clone(pick.address()));
        let uri = request.uri_mut();
        *uri = at(uri, pick.address())?;
        let mut answered = self.transport.send(request, call.waits()).await;
        match answered.as_mut().map(Response::body_mut) {
            Ok(Answered::Stream(download)) => download.comes_from(pick.goes_on(balancer)),
            _ => pick.end(is_bad(answered.as_ref())),
        }
        answered
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
