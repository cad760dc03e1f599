//! Messages to where the broker confirms nothing, as to a quorum queue without a leader.
//!
//! RabbitMQ lets the first message of a channel to such a queue hold up all that come behind it on that channel, and when they are some
//! hundreds it reads the connection no more. So what goes there goes apart: one message of a route at a time, over a connection of its
//! own, until one is answered.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use lapin::Channel;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};
use tracing::{debug, info};

use super::super::confirms::{Confirmed, Told};
use super::super::encode;
use super::super::link::Link;
use super::super::side::Side;
use super::super::supervisor::Plan;
use super::channel::{open, send, verdict};
use super::request::{Answer, Request};
use crate::messaging::driver::{Outgoing, PublishError};

/// How many messages are on their way apart at most, each over a connection of its own.
const PLACES: usize = 32;
/// Of how many routes it is remembered that they are stalled.
const ROUTES: usize = 1_000;
/// How long to wait before the next try of what could not be sent, and after how many in vain the broker lets nobody in.
const RETRY: (Duration, u32) = (Duration::from_secs(1), 3);
/// How often it is looked whether a message is still waited for.
const TICK: Duration = Duration::from_millis(250);
/// For how long a message is worked on after its deadline, so that he who waits for it is the first to give it up.
const LATE: Duration = Duration::from_secs(1);

/// Exchange and routing key.
type Route = (Cow<'static, str>, Cow<'static, str>);

/// Where the broker confirms nothing, and what is to go there.
pub(super) struct Apart {
    plan: Arc<Plan>,
    side: Side,
    places: Arc<Semaphore>,
    stalled: HashMap<Route, Stalled>,
    /// How many messages may wait behind others.
    most: usize,
    working: JoinSet<(Route, Outcome)>,
}

/// A route for which nothing is confirmed.
#[derive(Default)]
struct Stalled {
    /// Whether one of its messages is on its way.
    probing: bool,
    behind: VecDeque<Request>,
}

/// What became of a message.
enum Outcome {
    /// The broker has answered for its route.
    Answered,
    /// It has not, as long as somebody waited for it.
    Silent,
    /// No further connection could be had.
    NotLetIn(Request),
}

impl Apart {
    pub(super) fn new(plan: Arc<Plan>, side: Side) -> Self {
        let (places, most) = (Arc::new(Semaphore::new(PLACES)), plan.settings.buffer.max(1));
        Self { plan, side, places, stalled: HashMap::new(), most, working: JoinSet::new() }
    }

    /// From now on messages go apart to where this one was to go.
    pub(super) fn stalls(&mut self, outgoing: &Outgoing) {
        let route = route(outgoing);
        if self.stalled.len() < ROUTES && !self.stalled.contains_key(&route) {
            let (exchange, routing_key) = &route;
            info!(%exchange, %routing_key, "the broker confirms nothing of what goes there; it goes apart until it does");
            self.stalled.insert(route, Stalled::default());
        }
    }

    /// Sends a message apart; gives it back if it need not go apart.
    pub(super) fn take(&mut self, request: Request) -> Option<Request> {
        if self.stalled.is_empty() {
            return Some(request);
        }
        let behind: usize = self.stalled.values().map(|stalled| stalled.behind.len()).sum();
        let Some(stalled) = self.stalled.get_mut(&route(request.outgoing())) else { return Some(request) };
        if !stalled.probing {
            stalled.probing = true;
            self.begin(request);
            return None;
        }
        // One route leaves room for others.
        if behind < self.most && stalled.behind.len() <= self.most / 2 {
            stalled.behind.push_back(request);
        } else if !request.was_sent() {
            request.answer(Err(PublishError::BufferFull { limit: self.most }));
        }
        // What was sent before, and is let go, may be stored: so its sender is told.
        None
    }

    /// Lets go of messages whose senders have given up.
    pub(super) fn weed(&mut self) {
        for stalled in self.stalled.values_mut() {
            stalled.behind.retain(|request| !request.is_abandoned());
        }
    }

    /// Whether nothing is here.
    pub(super) fn is_empty(&self) -> bool {
        self.working.is_empty()
    }

    /// Waits for the end of one that is on its way, if any is. Gives what need not go apart any more, in its order.
    pub(super) async fn done(&mut self) -> Option<VecDeque<Request>> {
        let (route, outcome) = match self.working.join_next().await? {
            Ok(done) => done,
            // Broken, and it is not known which: all go on as if nothing had been known.
            Err(_) => return Some(self.stalled.drain().flat_map(|(_, stalled)| stalled.behind).collect()),
        };
        let mut stalled = self.stalled.remove(&route).unwrap_or_default();
        match outcome {
            Outcome::Answered => {
                let (exchange, routing_key) = route;
                info!(%exchange, %routing_key, "the broker answers again for what goes there");
                Some(stalled.behind)
            }
            Outcome::NotLetIn(request) => {
                stalled.behind.push_front(request);
                Some(stalled.behind)
            }
            Outcome::Silent => {
                stalled.behind.retain(|request| !request.is_abandoned());
                let next = stalled.behind.pop_front();
                stalled.probing = next.is_some();
                self.stalled.insert(route, stalled);
                next.into_iter().for_each(|next| self.begin(next));
                Some(VecDeque::new())
            }
        }
    }

    fn begin(&mut self, request: Request) {
        let (plan, side, places) = (Arc::clone(&self.plan), self.side.clone(), Arc::clone(&self.places));
        let delivery = Delivery { plan, side, places, request };
        self.working.spawn(async move {
            let route = route(delivery.request.outgoing());
            (route, delivery.run().await)
        });
    }
}

fn route(outgoing: &Outgoing) -> Route {
    (outgoing.exchange.clone(), outgoing.routing_key.clone())
}

/// A message on its way apart.
struct Delivery {
    plan: Arc<Plan>,
    side: Side,
    places: Arc<Semaphore>,
    request: Request,
}

impl Delivery {
    /// Tries until there is an answer, or nobody waits for one. Once it was sent it is listened for as long as to any other message:
    /// the answer is about the route, and not about who waits.
    async fn run(self) -> Outcome {
        // Never closed.
        let Some(_place) = self.while_wanted(self.places.acquire()).await else { return Outcome::Silent };
        loop {
            let Some(link) = self.while_wanted(self.dial()).await else { return Outcome::Silent };
            let Some(link) = link else { return Outcome::NotLetIn(self.request) };
            let (size, limit) = (self.request.headers_size(), link.frame_max());
            if size > limit {
                self.request.answer(Err(PublishError::TooLarge { what: "headers", size, limit }));
                return Outcome::Silent;
            }
            let Some(channel) = self.while_wanted(open(&link)).await else { return Outcome::Silent };
            if let Ok(channel) = channel {
                if !self.request.send() {
                    return Outcome::Silent;
                }
                let until =
                    (self.request.outgoing().deadline + LATE).max(Instant::now() + self.plan.settings.confirm_timeout);
                match timeout_at(until, self.attempt(&link, &channel)).await {
                    Ok(Some(answer)) => {
                        self.request.answer(answer);
                        return Outcome::Answered;
                    }
                    Ok(None) => self.request.lose(),
                    Err(_) => return Outcome::Silent,
                }
            }
            if self.while_wanted(sleep(RETRY.0)).await.is_none() {
                return Outcome::Silent;
            }
        }
    }

    /// Does something for as long as somebody waits for the message.
    async fn while_wanted<T>(&self, something: impl Future<Output = T>) -> Option<T> {
        let given_up = async {
            while !self.request.is_abandoned() {
                sleep(TICK).await;
            }
        };
        tokio::select! {
            done = something => Some(done),
            () = given_up => None,
        }
    }

    /// A connection of its own; nothing where none can be had though the broker is there.
    async fn dial(&self) -> Option<Arc<Link>> {
        let (pause, most) = RETRY;
        let mut in_vain = 0;
        while in_vain < most {
            // Until then the topology may not be declared.
            if self.side.is_open() {
                match self.plan.dial("apart").await {
                    Ok(link) => return Some(link),
                    Err(error) => debug!(%error, "no connection apart"),
                }
                in_vain += 1;
            }
            sleep(pause).await;
        }
        None
    }

    /// Sends it over a connection that is its own; nothing where that is lost.
    async fn attempt(&self, link: &Link, channel: &Channel) -> Option<Answer> {
        let outgoing = self.request.outgoing();
        tokio::select! {
            answer = self.said(link) => answer,
            _ = link.lost() => None,
            // Only its failure says anything.
            Err(error) = send(channel, outgoing, encode::encode(outgoing)) => {
                debug!(%error, "the channel apart takes nothing");
                None
            }
        }
    }

    /// What the broker says of the only message that goes over the connection.
    async fn said(&self, link: &Link) -> Option<Answer> {
        let (mut told, mut came_back) = (Vec::new(), false);
        loop {
            link.confirms().take(&mut told);
            for told in told.drain(..) {
                match told {
                    Told::Selected => {}
                    Told::Returned(_) => came_back = true,
                    Told::Confirmed(Confirmed { taken, .. }) => {
                        let unroutable = &self.plan.instruments.unroutable;
                        return Some(verdict(self.request.outgoing(), taken, came_back, unroutable));
                    }
                    Told::Closed(closed) if closed.is_refusal() => {
                        return Some(Err(PublishError::Refused(closed.words)));
                    }
                    Told::Closed(_) => return None,
                }
            }
            link.confirms().news().await;
        }
    }
}
