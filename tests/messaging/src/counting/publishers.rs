//! Those who publish, and note what was acknowledged to them.

use std::sync::Arc;

use chassis::messaging::Publisher;
use chassis::messaging::amqp::Amqp;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::auditor::Auditor;
use super::book::Book;
use crate::ledger::EntryMade;
use crate::place::Place;

/// How many messages wait for the broker's confirmation at a time.
const DIRECT: usize = 96;
/// How many entries one request has the service publish by its outbox.
const BATCH: i64 = 50;
/// How many such requests there are at a time.
const REQUESTS: usize = 2;
/// How far publishing may run ahead of booking.
const AHEAD: u64 = 4_000;

/// Publishers at work.
pub(super) struct Publishers {
    tasks: JoinSet<()>,
    stop: watch::Sender<bool>,
}

/// What each of them needs.
#[derive(Clone)]
struct Desk {
    book: Arc<Book>,
    booked: watch::Receiver<u64>,
    stopped: watch::Receiver<bool>,
}

impl Publishers {
    pub(super) fn start(driver: &Arc<Amqp>, place: &Arc<Place>, book: &Arc<Book>, auditor: &Arc<Auditor>) -> Self {
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let (booked, follow) = auditor.follow();
        tasks.spawn(until(stopped.clone(), follow));
        let desk = Desk { book: Arc::clone(book), booked, stopped };
        let publisher = Publisher::new(Arc::clone(driver) as _, "ledger");
        for _ in 0..DIRECT {
            tasks.spawn(direct(desk.clone(), publisher.clone()));
        }
        for _ in 0..REQUESTS {
            tasks.spawn(by_the_outbox(desk.clone(), Arc::clone(place)));
        }
        Self { tasks, stop }
    }

    /// Ends when each has its last answer.
    pub(super) async fn stop(mut self) {
        self.stop.send_replace(true);
        while let Some(ended) = self.tasks.join_next().await {
            ended.expect("a publisher goes on to its end");
        }
    }
}

async fn until(mut stopped: watch::Receiver<bool>, work: impl Future<Output = ()>) {
    tokio::select! {
        () = work => {}
        _ = stopped.wait_for(|stopped| *stopped) => {}
    }
}

impl Desk {
    /// Waits for one's turn; `None` when it is over.
    async fn turn(&mut self) -> Option<()> {
        let behind = |booked: &u64| self.book.behind(*booked) < AHEAD;
        tokio::select! {
            biased;
            _ = self.stopped.wait_for(|stopped| *stopped) => None,
            near = self.booked.wait_for(behind) => near.ok().map(drop),
        }
    }
}

async fn direct(mut desk: Desk, publisher: Publisher) {
    while desk.turn().await.is_some() {
        let number = desk.book.issue(1);
        match publisher.publish_now(EntryMade::new(number)).await {
            Ok(()) => desk.book.acknowledge(number, 1),
            Err(_) => desk.book.leave(1),
        }
    }
}

async fn by_the_outbox(mut desk: Desk, place: Arc<Place>) {
    while desk.turn().await.is_some() {
        let first = desk.book.issue(BATCH);
        match place.make(first, BATCH).await {
            Ok(answer) if answer.status() == 200 => desk.book.acknowledge(first, BATCH),
            // The service is being restarted: it takes no requests before it is up.
            Ok(_) | Err(_) => {
                desk.book.leave(BATCH);
                place.listening().await;
            }
        }
    }
}
