//! Messages to where the broker confirms nothing, as to a quorum queue without a leader.
//!
//! RabbitMQ lets the first message of a channel to such a queue hold up all that come behind it on that channel, and when they are some
//! hundreds it reads the connection no more. So what goes there goes apart: one message of a route at a time, over a connection of its
//! own, until one is confirmed.

use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout_at};
use tokio_util::task::AbortOnDropHandle;
use tracing::{debug, info};

use super::super::confirms::{Confirmed, Told};
use super::super::encode;
use super::super::link::Link;
use super::super::supervisor::Plan;
use super::channel::{open, send, verdict};
use super::request::{Answer, Request};
use crate::messaging::driver::{Outgoing, PublishError};

/// How many messages are on their way apart at most, each over a connection of its own.
const PLACES: usize = 32;
/// Of how many routes it is remembered that they are stalled.
const ROUTES: usize = 1_000;
/// How long to wait before the next try of what could not be sent.
const RETRY: Duration = Duration::from_secs(1);
/// For how long a message is worked on after its deadline, so that he who waits for it is the first to give it up.
const LATE: Duration = Duration::from_secs(1);

/// Where the broker confirms nothing, and what is to go there.
pub(super) struct Apart {
    stalled: Arc<Stalled>,
    /// How many messages are here.
    held: Arc<AtomicUsize>,
    most: usize,
    waiting: mpsc::UnboundedSender<Request>,
    /// What waited for a route that is open again.
    back: mpsc::UnboundedReceiver<Request>,
    _work: AbortOnDropHandle<()>,
}

/// Exchange and routing key.
type Route = (Cow<'static, str>, Cow<'static, str>);

/// The routes for which nothing is confirmed.
#[derive(Default)]
struct Stalled {
    routes: Mutex<HashSet<Route>>,
    /// How many there are, so that it costs next to nothing where all goes well.
    count: AtomicUsize,
}

fn route(outgoing: &Outgoing) -> Route {
    (outgoing.exchange.clone(), outgoing.routing_key.clone())
}

impl Apart {
    /// With room for so many messages.
    pub(super) fn start(plan: Arc<Plan>, most: usize) -> Self {
        let (stalled, held) = (Arc::<Stalled>::default(), Arc::<AtomicUsize>::default());
        let (waiting, requests) = mpsc::unbounded_channel();
        let (returned, back) = mpsc::unbounded_channel();
        let places = Arc::new(Semaphore::new(PLACES));
        let work = Work { plan, stalled: Arc::clone(&stalled), held: Arc::clone(&held), returned, places };
        let work = AbortOnDropHandle::new(tokio::spawn(work.run(requests)));
        Self { stalled, held, most, waiting, back, _work: work }
    }

    /// From now on messages go apart to where this one was to go.
    pub(super) fn stalls(&self, outgoing: &Outgoing) {
        if self.stalled.add(outgoing) {
            let Outgoing { exchange, routing_key, .. } = outgoing;
            info!(%exchange, %routing_key, "the broker confirms nothing of what goes there; it goes apart for now");
        }
    }

    /// Whether that message goes apart.
    pub(super) fn takes(&self, outgoing: &Outgoing) -> bool {
        self.stalled.has(outgoing)
    }

    /// Sends a message apart.
    pub(super) fn take(&self, request: Request) {
        if self.held.fetch_add(1, Ordering::Relaxed) >= self.most {
            self.held.fetch_sub(1, Ordering::Relaxed);
            return request.answer(Err(PublishError::BufferFull { limit: self.most }));
        }
        // What is sent to nobody is forsaken, which its sender is told.
        let _ = self.waiting.send(request);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.held.load(Ordering::Relaxed) == 0 && self.back.is_empty()
    }

    /// The next message that need not go apart any more.
    pub(super) async fn back(&mut self) -> Option<Request> {
        self.back.recv().await
    }
}

impl Stalled {
    fn has(&self, outgoing: &Outgoing) -> bool {
        self.count.load(Ordering::Acquire) > 0 && self.routes().contains(&route(outgoing))
    }

    fn add(&self, outgoing: &Outgoing) -> bool {
        self.change(|routes| routes.len() < ROUTES && routes.insert(route(outgoing)))
    }

    fn remove(&self, outgoing: &Outgoing) -> bool {
        self.change(|routes| routes.remove(&route(outgoing)))
    }

    fn change(&self, change: impl FnOnce(&mut HashSet<Route>) -> bool) -> bool {
        let mut routes = self.routes();
        let changed = change(&mut routes);
        self.count.store(routes.len(), Ordering::Release);
        changed
    }

    fn routes(&self) -> MutexGuard<'_, HashSet<Route>> {
        self.routes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Clone)]
struct Work {
    plan: Arc<Plan>,
    stalled: Arc<Stalled>,
    held: Arc<AtomicUsize>,
    returned: mpsc::UnboundedSender<Request>,
    places: Arc<Semaphore>,
}

impl Work {
    async fn run(self, mut requests: mpsc::UnboundedReceiver<Request>) {
        // What waits behind the one that is on its way, of each route that has one.
        let mut behind: HashMap<Route, VecDeque<Request>> = HashMap::new();
        let mut working: JoinSet<(Route, bool)> = JoinSet::new();
        loop {
            let next = tokio::select! {
                request = requests.recv() => match request {
                    Some(request) => request,
                    None => return,
                },
                Some(Ok((route, answered))) = working.join_next() => {
                    self.held.fetch_sub(1, Ordering::Relaxed);
                    let mut waiting = behind.remove(&route).unwrap_or_default();
                    if answered {
                        waiting.into_iter().for_each(|request| self.give_back(request));
                        continue;
                    }
                    let before = waiting.len();
                    waiting.retain(|request| !request.is_abandoned());
                    self.held.fetch_sub(before - waiting.len(), Ordering::Relaxed);
                    let Some(next) = waiting.pop_front() else { continue };
                    behind.insert(route, waiting);
                    self.begin(next, &mut working);
                    continue;
                }
            };
            if !self.stalled.has(next.outgoing()) {
                self.give_back(next);
                continue;
            }
            match behind.entry(route(next.outgoing())) {
                Entry::Occupied(mut waiting) => waiting.get_mut().push_back(next),
                Entry::Vacant(none) => {
                    none.insert(VecDeque::new());
                    self.begin(next, &mut working);
                }
            }
        }
    }

    fn begin(&self, request: Request, working: &mut JoinSet<(Route, bool)>) {
        let work = self.clone();
        working.spawn(async move {
            let route = route(request.outgoing());
            // Never closed.
            let _place = work.places.acquire().await;
            let answered = work.deliver(request).await;
            (route, answered)
        });
    }

    fn give_back(&self, request: Request) {
        // Before it is counted here no more, lest it be nowhere.
        let _ = self.returned.send(request);
        self.held.fetch_sub(1, Ordering::Relaxed);
    }

    /// Tries until there is an answer, or nobody waits for one. Says whether there was.
    async fn deliver(&self, request: Request) -> bool {
        let limit = request.outgoing().deadline + LATE;
        let answer = async {
            while !request.is_abandoned() {
                if let Some(answer) = self.attempt(&request).await {
                    return Some(answer);
                }
                sleep(RETRY).await;
            }
            None
        };
        let Ok(Some(answer)) = timeout_at(limit, answer).await else { return false };
        if self.stalled.remove(request.outgoing()) {
            let Outgoing { exchange, routing_key, .. } = request.outgoing();
            info!(%exchange, %routing_key, "the broker answers again for what goes there");
        }
        request.answer(answer);
        true
    }

    /// Sends a message once; nothing where the connection gives no answer.
    async fn attempt(&self, request: &Request) -> Option<Answer> {
        let outgoing = request.outgoing();
        // Its end is the connection's.
        let link = self.plan.dial("apart").await.inspect_err(|error| debug!(%error, "no connection apart")).ok()?;
        let (size, limit) = (request.headers_size(), link.frame_max());
        if size > limit {
            return Some(Err(PublishError::TooLarge { what: "headers", size, limit }));
        }
        let channel = open(&link).await.ok()?;
        if !request.send() {
            return None;
        }
        let answer = tokio::select! {
            answer = self.said(&link, outgoing) => answer,
            _ = link.lost() => None,
            // Only its failure says anything.
            Err(error) = send(&channel, outgoing, encode::encode(outgoing)) => {
                debug!(%error, "the channel apart takes nothing");
                None
            }
        };
        if answer.is_none() {
            request.lose();
        }
        answer
    }

    /// What the broker says of the only message that went over the connection.
    async fn said(&self, link: &Link, outgoing: &Outgoing) -> Option<Answer> {
        let (mut told, mut came_back) = (Vec::new(), false);
        loop {
            link.confirms().take(&mut told);
            for told in told.drain(..) {
                match told {
                    Told::Selected => {}
                    Told::Returned(_) => came_back = true,
                    Told::Confirmed(Confirmed { taken, .. }) => {
                        return Some(verdict(outgoing, taken, came_back, &self.plan.instruments.unroutable));
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
