//! What can go wrong with the calls of a double.

use http::StatusCode;
use tokio::time::{Duration, sleep};

use super::Operation;
use super::outcome;
use crate::http::ByteStream;
use crate::{Context, Error, ErrorKind};

/// What goes wrong with calls of a double, whatever its script says: for a test of how their caller takes it.
///
/// Without [`on_call`](Self::on_call), [`times`](Self::times) or [`every`](Self::every) it is every call. Of several faults
/// the first that is about a call has it.
///
/// ```
/// use chassis::contract::Fault;
/// use chassis::prelude::*;
/// use std::time::Duration;
///
/// #[contract(name = "stock", version = 1)]
/// pub trait Stock {
///     #[get("/stock/{sku}")]
///     async fn stock(&self, sku: String) -> Result<u32>;
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
/// let double = StockDouble::new()
///     .on_stock(|_| Ok(7))
///     .fault_stock(Fault::error(ErrorKind::Unavailable).on_call(1))
///     .fault_stock(Fault::status(StatusCode::TOO_MANY_REQUESTS).on_call(2))
///     .fault_stock(Fault::silence().on_call(3));
/// let client = double.client();
/// let mut ends = Vec::new();
/// for _ in 0..4 {
///     ends.push(client.stock("mug".into()).await.map_err(|error| error.kind()));
/// }
/// use ErrorKind::{DeadlineExceeded, Overloaded, Unavailable};
/// assert_eq!(ends, [Err(Unavailable), Err(Overloaded), Err(DeadlineExceeded), Ok(7)]);
/// # });
/// ```
#[derive(Debug, Clone)]
#[must_use = "a fault does nothing until a double is given it"]
pub struct Fault {
    after: Duration,
    end: End,
    when: When,
}

#[derive(Debug, Clone, Copy)]
enum End {
    /// As the script says.
    Scripted,
    Error(ErrorKind),
    Status(StatusCode),
    Never,
    /// As the script says, and then it fails after so many bytes.
    BreaksOff(usize),
}

#[derive(Debug, Clone, Copy)]
enum When {
    Always,
    Nth(usize),
    Until(usize),
    Every(usize),
}

impl Fault {
    const fn new(end: End) -> Self {
        Self { after: Duration::ZERO, end, when: When::Always }
    }

    /// The answer takes so long. A call whose time is over before fails with
    /// [`DeadlineExceeded`](ErrorKind::DeadlineExceeded), as over the network.
    pub const fn delay(time: Duration) -> Self {
        Self { after: time, ..Self::new(End::Scripted) }
    }

    /// The call fails with an unexpected error of this kind, such as [`Unavailable`](ErrorKind::Unavailable).
    pub const fn error(kind: ErrorKind) -> Self {
        Self::new(End::Error(kind))
    }

    /// The service answers with this status and no word more: what a proxy in front of it would do.
    pub const fn status(status: StatusCode) -> Self {
        Self::new(End::Status(status))
    }

    /// Nothing is ever answered: the call ends when its time is over.
    pub const fn silence() -> Self {
        Self::new(End::Never)
    }

    /// The answer is as scripted, but its stream breaks off after so many bytes, or at its end if it has fewer: its reader
    /// gets an error of the kind [`Unavailable`](ErrorKind::Unavailable), as over the network.
    ///
    /// A call of an operation that answers no [`ByteStream`] panics with it.
    ///
    /// ```
    /// use chassis::contract::Fault;
    /// use chassis::prelude::*;
    ///
    /// #[contract(name = "reports", version = 1)]
    /// pub trait Reports {
    ///     #[get("/reports/{year}")]
    ///     async fn report(&self, year: u16) -> Result<ByteStream>;
    /// }
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// let double = ReportsDouble::new()
    ///     .on_report(|_| Ok("sku,left\nmug,7\n".into()))
    ///     .fault_report(Fault::breaks_off(9));
    /// let mut report = double.client().report(2026).await.unwrap();
    /// assert_eq!(report.chunk().await.unwrap().unwrap(), "sku,left\n");
    /// assert_eq!(report.chunk().await.unwrap_err().kind(), ErrorKind::Unavailable);
    /// # });
    /// ```
    pub const fn breaks_off(bytes: usize) -> Self {
        Self::new(End::BreaksOff(bytes))
    }

    /// It happens after so long, and not at once.
    pub const fn after(mut self, time: Duration) -> Self {
        self.after = time;
        self
    }

    /// Only the `n`th call of the method, from 1, meets it.
    pub const fn on_call(mut self, n: usize) -> Self {
        self.when = When::Nth(n);
        self
    }

    /// Only the first `count` calls of the method meet it.
    pub const fn times(mut self, count: usize) -> Self {
        self.when = When::Until(count);
        self
    }

    /// Only every `n`th call of the method meets it. Zero is none.
    pub const fn every(mut self, n: usize) -> Self {
        self.when = When::Every(n);
        self
    }

    /// Whether the call of this number, from 1, meets it.
    pub(super) fn is_about(&self, call: usize) -> bool {
        match self.when {
            When::Always => true,
            When::Nth(n) => call == n,
            When::Until(count) => call <= count,
            When::Every(n) => n > 0 && call.is_multiple_of(n),
        }
    }

    /// After how many bytes a stream breaks off, if it is that.
    pub(super) fn breaks_off_after(&self) -> Option<usize> {
        match self.end {
            End::BreaksOff(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// Lets it happen; `Ok` is that the script has the word.
    pub(super) async fn happen(self, operation: &Operation) -> Result<(), Error> {
        let deadline = Context::current_deadline();
        let ending = async {
            sleep(self.after).await;
            match self.end {
                End::Scripted | End::BreaksOff(_) => Ok(()),
                End::Error(kind) => {
                    let message = format!("the double of `{}.{}` was told to fail", operation.contract, operation.name);
                    Err(Error::new(kind, message))
                }
                End::Status(status) => Err(outcome::unexpected(operation, status, None)),
                End::Never => std::future::pending().await,
            }
        };
        match deadline {
            Some(deadline) => {
                tokio::time::timeout_at(deadline, ending).await.unwrap_or_else(|_| Err(outcome::too_late(operation)))
            }
            None => ending.await,
        }
    }
}

/// A stream that fails after so many bytes.
pub(super) fn broken_off(stream: ByteStream, bytes: usize) -> ByteStream {
    ByteStream::new(futures_util::stream::try_unfold((stream, bytes), async |(mut stream, left)| {
        let broken = || Error::new(ErrorKind::Unavailable, "the answer broke off, as the double was told");
        if left == 0 {
            return Err(broken());
        }
        let mut piece = stream.chunk().await?.ok_or_else(broken)?;
        piece.truncate(left);
        let left = left - piece.len();
        Ok(Some((piece, (stream, left))))
    }))
}
