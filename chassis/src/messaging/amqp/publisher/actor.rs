//! The task that owns the publishing channel.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use lapin::Channel;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::super::confirms::{Closed, Confirmed, Confirms, Told};
use super::super::encode::{self, Encoded};
use super::super::link::Link;
use super::super::side::Side;
use super::super::supervisor::Plan;
use super::apart::Apart;
use super::channel::{Unopened, known, open, send, verdict};
use super::request::Request;
use super::window::Window;
use crate::messaging::driver::{Outgoing, PublishError};
use crate::telemetry::metrics::Counter;

/// How often overdue confirmations are looked for, and requests that nobody waits for any more are dropped.
const TICK: Duration = Duration::from_millis(250);
/// How many messages are encoded before they are sent: the connection's own thread is woken by the first and takes what there is,
/// so that what comes fast goes in fewer and larger writes.
const BURST: usize = 64;
/// How long to wait before the next try where a channel could not be opened on an open connection.
const RETRY: Duration = Duration::from_millis(200);
/// After how many failures in a row the connection is taken to be of no use: lapin opens no channel any more under a number under
/// which the broker has closed one. It is at once where the broker does not answer: RabbitMQ reads a connection no more once a queue has
/// not taken in some dozens of the messages that came over it, as one without a leader.
const FAILURES: u32 = 5;

/// The task that owns the publishing channel.
pub(super) struct Actor {
    inbox: mpsc::Receiver<Request>,
    side: Side,
    /// Messages that need no queue, and found none.
    unroutable: Counter,
    apart: Apart,
    finish: CancellationToken,
    in_flight: usize,
    buffer: usize,
    confirm_timeout: Duration,
    /// To be sent before anything from the inbox: what was sent before and not confirmed.
    backlog: VecDeque<Request>,
    /// How many at the front of the backlog were on their way when the broker closed the channel over one of them.
    /// While there are any, messages go one at a time, so that the next time it is clear which it was.
    suspects: usize,
    /// Whether a suspect is on its way, alone.
    probing: bool,
    /// What is sent next, one right after the other.
    burst: Vec<(Request, Encoded)>,
    /// What the broker has said, while it is heard.
    told: Vec<Told>,
}

/// Why a channel was given up.
enum End {
    /// All is sent and confirmed, and no more is taken.
    Finished,
    /// The connection is gone, or was cut since confirmations are overdue.
    Lost,
    /// The broker closed the channel, in these words.
    Closed(String),
}

impl Actor {
    pub(super) fn new(inbox: mpsc::Receiver<Request>, side: Side, plan: &Arc<Plan>, finish: CancellationToken) -> Self {
        let settings = &plan.settings;
        Self {
            inbox,
            unroutable: plan.instruments.unroutable.clone(),
            apart: Apart::new(Arc::clone(plan), side.clone()),
            side,
            finish,
            in_flight: settings.in_flight.max(1),
            buffer: settings.buffer.max(1),
            confirm_timeout: settings.confirm_timeout,
            backlog: VecDeque::new(),
            suspects: 0,
            probing: false,
            burst: Vec::with_capacity(BURST),
            told: Vec::new(),
        }
    }

    pub(super) async fn run(mut self) {
        let mut failures = 0;
        while let Some(link) = self.await_link().await {
            let channel = match open(&link).await {
                Ok(channel) => channel,
                Err(Unopened { why, silence }) => {
                    debug!(why, "no channel to publish on");
                    failures += 1;
                    let useless = silence || failures % FAILURES == 0;
                    if useless && link.is_open() && link.blocked().borrow().is_none() {
                        warn!(why, "no channel to publish on; taking a new connection");
                        link.cut();
                    }
                    sleep(RETRY).await;
                    continue;
                }
            };
            failures = 0;
            let mut window = Window::default();
            let end = self.serve(&link, &channel, &mut window).await;
            if matches!(end, End::Closed(_)) {
                known(&channel).await;
            }
            self.salvage(window, &end);
            if matches!(end, End::Finished) {
                return;
            }
        }
    }

    /// Waits for a connection, and meanwhile lets go of messages whose senders have given up.
    async fn await_link(&mut self) -> Option<Arc<Link>> {
        let mut tick = interval(TICK);
        loop {
            tokio::select! {
                biased;
                link = self.side.link() => return link,
                () = self.finish.cancelled(), if self.is_idle() => return None,
                Some(back) = self.apart.done() => self.backlog.extend(back),
                _ = tick.tick() => self.weed(),
            }
        }
    }

    fn is_idle(&self) -> bool {
        self.backlog.is_empty() && self.inbox.is_empty() && self.apart.is_empty()
    }

    /// Drops what nobody waits for, so that it does not fill the buffer for as long as the broker is away.
    fn weed(&mut self) {
        self.apart.weed();
        while self.backlog.len() < self.buffer {
            match self.inbox.try_recv() {
                Ok(request) => self.backlog.push_back(request),
                Err(_) => break,
            }
        }
        self.suspects = self.backlog.iter().take(self.suspects).filter(|request| !request.is_abandoned()).count();
        self.backlog.retain(|request| !request.is_abandoned());
    }

    /// Publishes over `channel` for as long as it lives.
    async fn serve(&mut self, link: &Link, channel: &Channel, window: &mut Window) -> End {
        let confirms = link.confirms();
        let mut blocked = link.blocked();
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // What is sent while the broker takes nothing is confirmed after that.
        let mut freed = None;
        let mut lost = pin!(link.lost());
        let finish = self.finish.clone();
        let mut finished = pin!(finish.cancelled());
        loop {
            if let Some(end) = self.hear(confirms, window) {
                return end;
            }
            let free = blocked.borrow_and_update().is_none();
            if !free {
                freed = None;
            } else if freed.is_none() {
                freed = Some(Instant::now());
            }
            if free && let Some(end) = self.fill(link, channel, window) {
                return end;
            }
            if self.finish.is_cancelled() || self.inbox.is_closed() {
                self.inbox.close();
                if self.is_idle() && window.len() == 0 {
                    return End::Finished;
                }
            }
            let room = free && window.len() < self.limit();
            tokio::select! {
                () = confirms.news() => {}
                Some(request) = self.inbox.recv(), if room && self.backlog.is_empty() => self.backlog.push_back(request),
                Some(back) = self.apart.done() => self.backlog.extend(back),
                _ = blocked.changed() => {}
                _ = &mut lost => return self.hear(confirms, window).unwrap_or(End::Lost),
                () = &mut finished, if !self.inbox.is_closed() => {}
                _ = tick.tick() => {
                    if let Some(end) = self.hear(confirms, window) {
                        return end;
                    }
                    self.apart.weed();
                    let since = window.oldest().max(freed);
                    if !free {
                        self.weed();
                    } else if window.len() > 0 && since.is_some_and(|since| since.elapsed() > self.confirm_timeout) {
                        warn!(timeout = ?self.confirm_timeout, "a confirmation is overdue; taking a new connection");
                        self.set_overdue_apart(window, freed);
                        link.cut();
                        return End::Lost;
                    }
                }
            }
        }
    }

    /// Hands on what the broker has said; the end of the channel, if that is among it.
    fn hear(&mut self, confirms: &Confirms, window: &mut Window) -> Option<End> {
        let mut told = std::mem::take(&mut self.told);
        confirms.take(&mut told);
        let mut end = None;
        for told in told.drain(..) {
            match told {
                Told::Selected => {}
                Told::Returned(returned) => window.comes_back(returned),
                Told::Confirmed(Confirmed { tag, multiple: false, taken }) => {
                    let request = window.take(tag);
                    request.into_iter().for_each(|request| self.pronounce(request, taken, window));
                }
                Told::Confirmed(Confirmed { tag, multiple: true, taken }) => {
                    let up_to = if tag == 0 { u64::MAX } else { tag };
                    while let Some(request) = window.take_oldest(up_to) {
                        self.pronounce(request, taken, window);
                    }
                }
                Told::Closed(closed) if closed.is_refusal() => end = Some(End::Closed(closed.words)),
                Told::Closed(Closed { code, words }) => {
                    debug!(code, words, "the broker closed the publishing channel");
                    end = Some(End::Lost);
                }
            }
        }
        self.told = told;
        self.probing &= window.len() > 0;
        end
    }

    /// Lets go apart what goes where a confirmation is overdue, counted from when the broker began to take messages again.
    fn set_overdue_apart(&mut self, window: &Window, freed: Option<Instant>) {
        let overdue = |sent: Instant| Some(sent).max(freed).is_some_and(|since| since.elapsed() > self.confirm_timeout);
        window.iter().filter(|(_, sent)| overdue(*sent)).for_each(|(outgoing, _)| self.apart.stalls(outgoing));
    }

    /// Says what became of a message.
    fn pronounce(&self, request: Request, taken: bool, window: &mut Window) {
        let came_back = window.came_back(request.outgoing());
        let answer = verdict(request.outgoing(), taken, came_back, &self.unroutable);
        request.answer(answer);
    }

    /// Sends what there is room for, without waiting for any of it; the end of the channel, if it takes no more.
    fn fill(&mut self, link: &Link, channel: &Channel, window: &mut Window) -> Option<End> {
        let mut now = None;
        loop {
            self.encode(link, window.len());
            if self.burst.is_empty() {
                return None;
            }
            let now = *now.get_or_insert_with(Instant::now);
            let mut unsent = Vec::new();
            for (request, encoded) in self.burst.drain(..) {
                // What follows a failure is not sent either.
                if unsent.is_empty() {
                    // lapin's future waits until it was sent, which its confirmation says as well.
                    match send(channel, request.outgoing(), encoded).now_or_never() {
                        Some(Err(error)) => debug!(%error, "the publishing channel takes no more"),
                        Some(Ok(_)) | None => {
                            window.push(request, now);
                            continue;
                        }
                    }
                }
                unsent.push(request);
            }
            if !unsent.is_empty() {
                self.take_back(unsent);
                // Perhaps the broker has said why.
                return Some(self.hear(link.confirms(), window).unwrap_or(End::Lost));
            }
        }
    }

    /// Puts what could not be sent back to the front.
    fn take_back(&mut self, unsent: Vec<Request>) {
        if std::mem::take(&mut self.probing) {
            self.suspects += unsent.len();
        }
        for request in unsent.into_iter().rev() {
            request.lose();
            self.backlog.push_front(request);
        }
    }

    /// Encodes the next messages that there is room for beside so many that are on their way.
    fn encode(&mut self, link: &Link, on_the_way: usize) {
        while self.burst.len() < BURST && on_the_way + self.burst.len() < self.limit() {
            let Some(request) = self.next_request() else { return };
            let size = request.headers_size();
            if size > link.frame_max() {
                request.answer(Err(PublishError::TooLarge { what: "headers", size, limit: link.frame_max() }));
                continue;
            }
            // Its sender may have given it up since it was taken, and said that it was never sent.
            if !request.send() {
                continue;
            }
            let encoded = encode::encode(request.outgoing());
            self.burst.push((request, encoded));
        }
    }

    fn limit(&self) -> usize {
        if self.suspects > 0 || self.probing { 1 } else { self.in_flight }
    }

    fn next_request(&mut self) -> Option<Request> {
        loop {
            let suspect = self.suspects > 0;
            let request = match self.backlog.pop_front() {
                Some(request) => request,
                None => self.inbox.try_recv().ok()?,
            };
            self.suspects = self.suspects.saturating_sub(1);
            if request.is_abandoned() {
                continue;
            }
            if let Some(request) = self.apart.take(request) {
                self.probing |= suspect;
                return Some(request);
            }
        }
    }

    /// Puts what was not confirmed back to the front, to be sent again under the same id.
    fn salvage(&mut self, window: Window, end: &End) {
        let alone = window.len() == 1;
        let mut again: VecDeque<Request> = VecDeque::with_capacity(window.len() + self.backlog.len());
        let mut refused = 0;
        for request in window.into_requests() {
            match end {
                End::Closed(words) if alone || blames(words, request.outgoing()) => {
                    refused += 1;
                    request.answer(Err(PublishError::Refused(words.clone())));
                }
                _ => {
                    request.lose();
                    again.push_back(request);
                }
            }
        }
        if let End::Closed(words) = end {
            warn!(refused, resent = again.len(), words, "the broker closed the publishing channel");
            if refused == 0 {
                self.suspects += again.len();
            }
        } else if self.probing {
            self.suspects += again.len();
        }
        self.probing = false;
        again.append(&mut self.backlog);
        self.backlog = again;
    }
}

/// Whether the broker's words, such as `NOT_FOUND - no exchange 'x' in vhost '/'`, are about the message's exchange.
fn blames(words: &str, message: &Outgoing) -> bool {
    let exchange = &*message.exchange;
    !exchange.is_empty() && words.contains("exchange") && words.contains(&format!("'{exchange}'"))
}
