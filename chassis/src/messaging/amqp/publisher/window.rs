//! The messages on their way over one channel, in the order in which they were sent.

use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};

use lapin::Confirmation;
use tokio::time::Instant;
use tokio_util::sync::ReusableBoxFuture;

use super::request::Request;
use super::verdict::Verdicts;
use crate::messaging::driver::Outgoing;

/// A message that was handed over, until its confirmation.
pub(super) type Sending<'c> = ReusableBoxFuture<'c, lapin::Result<Confirmation>>;

/// The messages on their way over one channel.
///
/// A broker confirms mostly in order, and many at a time. So only the oldest message has a waker: one wake-up then serves all
/// that were confirmed with it. What was confirmed before its elders is found by looking at all, which the owner
/// does when the oldest keeps it waiting.
#[derive(Default)]
pub(super) struct Window<'c> {
    /// The number of the front flight.
    base: u64,
    /// Below this number all have a verdict.
    noted: u64,
    flights: VecDeque<Option<Flight<'c>>>,
    len: usize,
    /// The memory of messages that were confirmed, for the next ones.
    spare: Vec<Sending<'c>>,
}

struct Flight<'c> {
    request: Request,
    sent: Instant,
    sending: Option<Sending<'c>>,
}

impl<'c> Window<'c> {
    /// How many are on their way.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Takes note of `request`, whose frames are handed over here, by the first poll of `sending`.
    pub(super) fn push<F>(&mut self, request: Request, sent: Instant, sending: F)
    where
        F: Future<Output = lapin::Result<Confirmation>> + Send + 'c,
    {
        let mut sending = match self.spare.pop() {
            Some(mut spare) => {
                spare.set(sending);
                spare
            }
            None => Sending::new(sending),
        };
        // Ready so soon is only what fails, and it is looked at in its turn.
        if let Poll::Ready(result) = sending.poll(&mut Context::from_waker(Waker::noop())) {
            sending.set(std::future::ready(result));
        }
        self.flights.push_back(Some(Flight { request, sent, sending: Some(sending) }));
        self.len += 1;
    }

    /// Waits for the oldest that has no verdict yet, and notes it.
    pub(super) fn poll_oldest(
        &mut self,
        verdicts: &mut Verdicts,
        context: &mut Context<'_>,
    ) -> Poll<lapin::Result<()>> {
        loop {
            self.noted = self.noted.max(self.base);
            let index = usize::try_from(self.noted - self.base).unwrap_or(usize::MAX);
            match self.flights.get_mut(index) {
                None => return Poll::Pending,
                Some(Some(flight)) if flight.sending.is_some() => {
                    return flight.look(self.noted, verdicts, &mut self.spare, context);
                }
                Some(_) => self.noted += 1,
            }
        }
    }

    /// Notes the oldest ones that have completed, up to the first that has not. The error is the first that failed.
    pub(super) fn note_oldest(&mut self, verdicts: &mut Verdicts) -> Option<lapin::Error> {
        let mut failed = None;
        let mut context = Context::from_waker(Waker::noop());
        while let Poll::Ready(result) = self.poll_oldest(verdicts, &mut context) {
            if let Err(error) = result {
                failed.get_or_insert(error);
            }
        }
        failed
    }

    /// Notes all that have completed by now, in whatever order. The error is the first that failed.
    ///
    /// Once it returns, no confirmation is left unnoted that completed before one that was noted: it looks at all again
    /// until a look finds nothing.
    pub(super) fn note_all(&mut self, verdicts: &mut Verdicts) -> Option<lapin::Error> {
        let mut failed = None;
        let mut context = Context::from_waker(Waker::noop());
        loop {
            let mut found = false;
            for (index, flight) in self.flights.iter_mut().enumerate() {
                let Some(flight) = flight.as_mut().filter(|flight| flight.sending.is_some()) else { continue };
                match flight.look(self.base + index as u64, verdicts, &mut self.spare, &mut context) {
                    Poll::Ready(result) => {
                        found = true;
                        if let Err(error) = result {
                            failed.get_or_insert(error);
                        }
                    }
                    Poll::Pending => {}
                }
            }
            if !found {
                return failed;
            }
        }
    }

    /// Whether all must be noted before what `verdicts` has noted is pronounced: only of a mandatory message it matters
    /// whether another confirmation carries its return.
    pub(super) fn needs_all(&self, verdicts: &Verdicts) -> bool {
        verdicts.noted().any(|number| {
            let index = number.checked_sub(self.base).and_then(|index| usize::try_from(index).ok());
            let flight = index.and_then(|index| self.flights.get(index)).and_then(Option::as_ref);
            flight.is_some_and(|flight| flight.request.outgoing().mandatory)
        })
    }

    /// Takes out the message of that number.
    pub(super) fn take(&mut self, number: u64) -> Option<Request> {
        let index = usize::try_from(number.checked_sub(self.base)?).ok()?;
        let flight = self.flights.get_mut(index)?.take()?;
        self.len -= 1;
        while let Some(None) = self.flights.front() {
            self.flights.pop_front();
            self.base += 1;
        }
        Some(flight.request)
    }

    /// The messages that are still on their way.
    pub(super) fn outgoing(&self) -> impl Iterator<Item = &Outgoing> {
        self.flights.iter().flatten().map(|flight| flight.request.outgoing())
    }

    /// When the oldest that is still on its way was sent.
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.flights.front().and_then(Option::as_ref).map(|flight| flight.sent)
    }

    /// The number of the oldest that is still on its way, or that comes next.
    pub(super) fn front(&self) -> u64 {
        self.base
    }

    /// All that are still on their way, oldest first.
    pub(super) fn into_requests(self) -> impl Iterator<Item = Request> {
        self.flights.into_iter().flatten().map(|flight| flight.request)
    }
}

impl<'c> Flight<'c> {
    /// Notes the verdict if there is one.
    fn look(
        &mut self,
        number: u64,
        verdicts: &mut Verdicts,
        spare: &mut Vec<Sending<'c>>,
        context: &mut Context<'_>,
    ) -> Poll<lapin::Result<()>> {
        let Some(sending) = &mut self.sending else { return Poll::Pending };
        let Poll::Ready(result) = sending.poll(context) else { return Poll::Pending };
        // A future that is done holds nothing but its memory.
        spare.extend(self.sending.take());
        Poll::Ready(result.map(|confirmation| verdicts.note(number, confirmation)))
    }
}
