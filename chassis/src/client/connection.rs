//! Where the requests of a client go.

use std::sync::Arc;

use futures_util::future::Either;
use http::uri::{Authority, Scheme};
use http::{Request, Response};

use super::ClientSettings;
use super::answered::Answered;
use super::balance::{Balanced, Balancer};
use super::call::Call;
use super::instances::{self, Instances};
use super::instruments::Instruments;
use super::sending::Sending;
use super::settings::Policies;
use super::transport::{Exchange, Transport};
use crate::{BoxFuture, Result};

/// Where the requests of a client go.
pub(super) enum Connection {
    /// To whatever the operating system finds under the name.
    Direct(Transport),
    /// To the instance that the balancer chooses.
    Balanced(Balanced),
}

/// A request that was sent, until its answer is there.
pub(super) type Sent<'a> = Either<Exchange, BoxFuture<'a, Result<Response<Answered>>>>;

impl Connection {
    /// As the settings have it; no connection is made yet.
    ///
    /// # Errors
    /// TLS cannot be set up, an endpoint is no address, or the system's DNS servers cannot be read.
    pub(super) fn new(
        scheme: &Scheme,
        authority: &Authority,
        settings: &ClientSettings,
        policies: &Policies,
        instruments: &Instruments,
    ) -> Result<Self> {
        let discovery = instances::discovery(scheme, authority, settings)?;
        // Instances are called by address, and are to show the certificate of their name.
        let name = discovery.as_ref().map(|_| authority.host());
        let transport = Transport::new(scheme, name, settings)?;
        Ok(match discovery {
            None => Self::Direct(transport),
            Some(discovery) => {
                let attempt = policies.timeouts.attempt;
                let balancer = Balancer::new(settings.balance.clone(), attempt, instruments.balancing());
                Self::Balanced(Balanced::new(transport, Instances { discovery, balancer: Arc::new(balancer) }))
            }
        })
    }

    /// The instances; `None` where the operating system finds them.
    pub(super) fn instances(&self) -> Option<&Instances> {
        match self {
            Self::Direct(_) => None,
            Self::Balanced(balanced) => Some(balanced.instances()),
        }
    }

    /// Sends a request of a call. Where it goes is added to where the call has been.
    pub(super) fn send<'a>(&'a self, request: Request<Sending>, call: &'a Call) -> Sent<'a> {
        match self {
            Self::Direct(transport) => Either::Left(transport.send(request, call.waits())),
            // Boxed, or the calls that are not balanced would have room for it too.
            Self::Balanced(balanced) => Either::Right(Box::pin(balanced.send(request, call))),
        }
    }
}
