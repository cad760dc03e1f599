//! The task that owns the publishing channel.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{Channel, Confirmation};
use tokio::sync::mpsc;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::super::encode::{self, Encoded};
use super::super::error;
use super::super::link::Link;
use super::super::settings::AmqpSettings;
use super::super::side::Side;
use super::request::{Awaited, Request};
use super::verdict::Verdicts;
use super::window::Window;
use crate::messaging::driver::{Outgoing, PublishError};
use crate::telemetry::metrics::Counter;

/// How often overdue confirmations are looked for, and requests that nobody waits for any more are dropped.
const TICK: Duration = Duration::from_millis(250);
/// How long the oldest message may keep those waiting that were confirmed before it.
const STUCK: Duration = Duration::from_millis(20);
/// How many messages are encoded before they are sent: the connection's own thread is woken by the first and takes what there is,
/// so that what comes fast goes in fewer and larger writes.
const BURST: usize = 64;
/// How long to wait before the next try where a channel could not be opened on an open connection.
const RETRY: Duration = Duration::from_millis(200);

/// The task that owns the publishing channel.
pub(super) struct Actor {
    inbox: mpsc::Receiver<Request>,
    side: Side,
    /// Messages that need no queue, and found none.
    unroutable: Counter,
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
}

/// Why a channel was given up.
enum End {
    /// All is sent and confirmed, and no more is taken.
    Finished,
    /// The connection is gone, or confirmations are overdue.
    Lost,
    /// The broker closed the channel, in these words.
    Closed(String),
}

impl Actor {
    pub(super) fn new(
        inbox: mpsc::Receiver<Request>,
        side: Side,
        settings: &AmqpSettings,
        unroutable: Counter,
        finish: CancellationToken,
    ) -> Self {
        Self {
            inbox,
            side,
            unroutable,
            finish,
            in_flight: settings.in_flight.max(1),
            buffer: settings.buffer.max(1),
            confirm_timeout: settings.confirm_timeout,
            backlog: VecDeque::new(),
            suspects: 0,
            probing: false,
            burst: Vec::with_capacity(BURST),
        }
    }

    pub(super) async fn run(mut self) {
        while let Some(link) = self.await_link().await {
            let channel = match open(&link).await {
                Ok(channel) => channel,
                Err(error) => {
                    debug!(%error, "no channel to publish on");
                    sleep(RETRY).await;
                    continue;
                }
            };
            let mut window = Window::default();
            let end = self.serve(&link, &channel, &mut window).await;
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
                _ = tick.tick() => self.weed(),
            }
        }
    }

    fn is_idle(&self) -> bool {
        self.backlog.is_empty() && self.inbox.is_empty()
    }

    /// Drops what nobody waits for, so that it does not fill the buffer for as long as the broker is away.
    fn weed(&mut self) {
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
    async fn serve<'c>(&mut self, link: &Link, channel: &'c Channel, window: &mut Window<'c>) -> End {
        let mut verdicts = Verdicts::default();
        let mut blocked = link.blocked();
        let (mut tick, mut stuck) = (every(TICK), every(STUCK));
        let mut front = 0;
        let mut lost = pin!(link.lost());
        let finish = self.finish.clone();
        let mut finished = pin!(finish.cancelled());
        loop {
            let free = blocked.borrow_and_update().is_none();
            if free {
                self.fill(link, channel, window);
            }
            let mut failed = window.note_oldest(&mut verdicts);
            if failed.is_some() || window.needs_all(&verdicts) {
                // What completed before the channel died still counts, and the return of a message may ride on any of these.
                failed = window.note_all(&mut verdicts).or(failed);
            }
            settle(window, &mut verdicts);
            self.probing &= window.len() > 0;
            if let Some(error) = failed {
                return ended(&error);
            }
            if self.finish.is_cancelled() || self.inbox.is_closed() {
                self.inbox.close();
                if self.is_idle() && window.len() == 0 {
                    return End::Finished;
                }
            }
            let room = free && window.len() < self.limit();
            let waiting = window.len() > 0;
            tokio::select! {
                noted = poll_fn(|context| window.poll_oldest(&mut verdicts, context)), if waiting => {
                    if let Err(error) = noted {
                        window.note_all(&mut verdicts);
                        settle(window, &mut verdicts);
                        return ended(&error);
                    }
                }
                Some(request) = self.inbox.recv(), if room && self.backlog.is_empty() => self.backlog.push_back(request),
                _ = blocked.changed() => {}
                _ = &mut lost => return End::Lost,
                () = &mut finished, if !self.inbox.is_closed() => {}
                _ = stuck.tick(), if waiting => {
                    if std::mem::replace(&mut front, window.front()) == window.front()
                        && let Some(error) = window.note_all(&mut verdicts)
                    {
                        settle(window, &mut verdicts);
                        return ended(&error);
                    }
                }
                _ = tick.tick() => {
                    self.unroutable.add(verdicts.unheard(window.outgoing()));
                    if !free {
                        self.weed();
                    } else if window.oldest().is_some_and(|sent| sent.elapsed() > self.confirm_timeout) {
                        warn!(timeout = ?self.confirm_timeout, "a confirmation is overdue; taking a new channel");
                        return End::Lost;
                    }
                }
            }
        }
    }

    /// Sends what there is room for, without waiting for any of it.
    fn fill<'c>(&mut self, link: &Link, channel: &'c Channel, window: &mut Window<'c>) {
        let mut now = None;
        loop {
            self.encode(link, window.len());
            if self.burst.is_empty() {
                return;
            }
            let now = *now.get_or_insert_with(Instant::now);
            for (request, encoded) in self.burst.drain(..) {
                let sending = send(channel, request.share(), encoded);
                window.push(request, now, sending);
            }
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
            if !request.is_abandoned() {
                self.probing |= suspect;
                return Some(request);
            }
        }
    }

    /// Puts what was not confirmed back to the front, to be sent again under the same id.
    fn salvage(&mut self, window: Window<'_>, end: &End) {
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

async fn open(link: &Link) -> Result<Channel, String> {
    let words = |error: lapin::Error| error::words(&error);
    let channel = link.channel().await.map_err(words)?;
    match timeout(Duration::from_secs(10), channel.confirm_select(ConfirmSelectOptions::default())).await {
        Ok(selected) => selected.map_err(words)?,
        Err(_) => return Err("no answer to confirm.select".to_owned()),
    }
    Ok(channel)
}

/// Sends one message, and gives its confirmation. The first poll hands its frames over, so messages go out in the order in
/// which these are first polled.
async fn send(channel: &Channel, awaited: Arc<Awaited>, encoded: Encoded) -> lapin::Result<Confirmation> {
    let Encoded { exchange, routing_key, properties } = encoded;
    // Always, since what no queue took is to be known, and only sometimes an error.
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let body = &awaited.outgoing.message.body;
    channel.basic_publish(exchange, routing_key, options, body, properties).await?.await
}

fn ended(error: &lapin::Error) -> End {
    if error.is_amqp_soft_error() { End::Closed(error::words(error)) } else { End::Lost }
}

fn every(period: Duration) -> Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

fn settle(window: &mut Window<'_>, verdicts: &mut Verdicts) {
    for number in verdicts.nacked() {
        if let Some(request) = window.take(number) {
            verdicts.was_returned(request.outgoing());
            request.answer(Err(PublishError::Nacked));
        }
    }
    for number in verdicts.acked() {
        let Some(request) = window.take(number) else { continue };
        if verdicts.was_returned(request.outgoing()) {
            let Outgoing { exchange, routing_key, .. } = request.outgoing();
            let (exchange, routing_key) = (exchange.to_string(), routing_key.to_string());
            request.answer(Err(PublishError::Unroutable { exchange, routing_key }));
        } else {
            request.answer(Ok(()));
        }
    }
}
