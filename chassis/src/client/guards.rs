//! Everything that guards a call, in the order in which a call meets it: total deadline → retry → breaker → bulkhead →
//! attempt time-out → balancer → connection.
//!
//! This is the one place where a guard is added. The policies are those of `resilience`; their layers stay out of the way
//! here, as each would copy what it guards and have a future of its own (decision 36).

use std::pin::pin;

use http::Response;
use tokio::time::{Instant, sleep, timeout_at};

use super::answered::Answered;
use super::attempt::Attempts;
use super::call::Call;
use super::instruments::{Ended, Instruments};
use super::rules::{health, is_replayable, verdict};
use super::settings::{ClientSettings, Policies};
use crate::resilience::Outcome;
use crate::resilience::bulkhead::{Bulkhead, BulkheadFull};
use crate::resilience::circuit_breaker::{CircuitBreaker, CircuitOpen};
use crate::resilience::retry::{Budget, RetryPolicy, Verdict};
use crate::{Error, ErrorKind, Result};

/// The guards of one service, which all calls of it share.
pub(super) struct Guards {
    retry: RetryPolicy,
    budget: Budget,
    /// Up to which size a body is kept for another attempt.
    body_limit: usize,
    breaker: CircuitBreaker,
    bulkhead: Bulkhead,
    attempts: Attempts,
    instruments: Instruments,
}

impl Guards {
    pub(super) fn new(
        settings: &ClientSettings,
        policies: &Policies,
        breaker: CircuitBreaker,
        attempts: Attempts,
        instruments: Instruments,
    ) -> Self {
        Self {
            retry: policies.retry.clone(),
            budget: Budget::new(policies.retry.budget()),
            body_limit: settings.retry.body_limit,
            breaker,
            bulkhead: Bulkhead::new(policies.bulkhead),
            attempts,
            instruments,
        }
    }

    /// Makes a call.
    ///
    /// All of it is one future on purpose: one within another is copied into it, whole, as soon as it is waited for.
    pub(super) async fn make(&self, call: &Call) -> Result<Response<Answered>> {
        let mut now = call.started;
        self.budget.deposit_at(now);
        let replayable = self.retry.attempts() > 1 && is_replayable(call, self.body_limit);
        let mut attempts = 0;
        let result = loop {
            let result = match self.breaker.try_acquire_at(now.into_std()) {
                Err(open) => Err(self.refused(open)),
                // Dropped without a result it is taken back: neither who gives the call up nor the end of its time says
                // anything of the other side.
                Ok(permit) => {
                    let place = match self.bulkhead.try_acquire() {
                        Ok(place) => Ok(place),
                        Err(_) => {
                            let waited = Box::pin(timeout_at(call.deadline, self.bulkhead.acquire())).await;
                            now = Instant::now();
                            match waited {
                                Ok(place) => place,
                                Err(_) => break Err(too_late()),
                            }
                        }
                    };
                    match place {
                        Err(full) => {
                            permit.record_at(now.into_std(), Outcome::Ignored);
                            Err(self.crowded(full))
                        }
                        Ok(place) => {
                            let mut attempt = pin!(self.attempts.begin(call, attempts, now));
                            let mut result = attempt.as_mut().await;
                            now = Instant::now();
                            if attempt.is_over() {
                                break result;
                            }
                            if let Ok(Answered::Stream(download)) = result.as_mut().map(Response::body_mut) {
                                // Under way to its end, it has its place until then, and may still fail.
                                download.keep(place, permit.record_so_far_at(now.into_std()));
                            } else {
                                permit.record_at(now.into_std(), health(result.as_ref()));
                            }
                            result
                        }
                    }
                }
            };
            attempts += 1;
            if !replayable {
                break result;
            }
            let Verdict::Retry { after } = verdict(call, result.as_ref()) else { break result };
            match self.retry.pause(attempts, after, Some(call.deadline), &self.budget) {
                Ok(pause) => {
                    self.instruments.retrying();
                    drop(result);
                    // It ends before the deadline, or there would be none.
                    sleep(pause).await;
                    now = Instant::now();
                }
                Err(why) => {
                    self.instruments.given_up(why);
                    break result;
                }
            }
        };
        // By the clock as it was last looked at: to look costs as much as all that is counted here.
        let took = now.saturating_duration_since(call.started);
        self.instruments.took(call.outgoing.contract, call.outgoing.operation, Ended::of(&result), took);
        result
    }

    #[cold]
    fn refused(&self, open: CircuitOpen) -> Error {
        self.instruments.refused();
        Error::new(ErrorKind::CircuitOpen, "not called, as it failed too often").with_source(open)
    }

    #[cold]
    fn crowded(&self, full: BulkheadFull) -> Error {
        self.instruments.crowded();
        Error::new(ErrorKind::Overloaded, "not called, as too many calls of it are under way").with_source(full)
    }
}

/// What a call ends with when its time is over.
#[cold]
pub(super) fn too_late() -> Error {
    Error::new(ErrorKind::DeadlineExceeded, "the call's time is over")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http::StatusCode;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::sync::{Notify, mpsc};
    use tokio::time::Duration;

    use super::*;
    use crate::client::outgoing::Outgoing;
    use crate::client::{BulkheadSettings, Remote, RetrySettings, Timeouts};

    /// A client of somebody who says when a request has come, and answers as often as the test lets it.
    async fn held() -> (Remote, mpsc::UnboundedReceiver<()>, Arc<Notify>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let url = format!("http://{}", listener.local_addr().expect("it has an address"));
        let ((came, comes), gate) = (mpsc::unbounded_channel(), Arc::new(Notify::new()));
        let answers = Arc::clone(&gate);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (came, gate) = (came.clone(), Arc::clone(&answers));
                tokio::spawn(async move {
                    let mut request = Vec::new();
                    while let Ok(byte) = stream.read_u8().await {
                        request.push(byte);
                        if request.ends_with(b"\r\n\r\n") {
                            request.clear();
                            let _ = came.send(());
                            gate.notified().await;
                            let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
                        }
                    }
                });
            }
        });
        let minute = Some(Duration::from_secs(60));
        let settings = ClientSettings {
            url: Some(url),
            timeout: minute,
            attempt_timeout: Some(Duration::from_secs(50)),
            retry: RetrySettings { attempts: Some(1), ..RetrySettings::default() },
            bulkhead: BulkheadSettings { concurrent: Some(1), waiting: Some(1), wait: Some(Duration::from_secs(40)) },
            ..ClientSettings::default()
        };
        (Remote::new("held", &settings).expect("it can be called"), comes, gate)
    }

    fn call(remote: &Remote, total: Duration) -> impl Future<Output = Result<StatusCode>> + Send + 'static {
        let (remote, attempt) = (remote.clone(), remote.timeouts().attempt);
        let outgoing = Outgoing { limits: Timeouts { total, attempt }, ..Outgoing::example() };
        async move { remote.call(Box::new(outgoing)).await.map(|response| response.status()) }
    }

    #[tokio::test]
    async fn a_place_is_waited_for_as_long_as_the_call_has_time() {
        let (remote, mut comes, gate) = held().await;
        let long = Duration::from_secs(60);
        let first = tokio::spawn(call(&remote, long));
        comes.recv().await.expect("it came");

        let late = call(&remote, Duration::from_millis(50)).await.expect_err("there is no place");
        assert_eq!(late.kind(), ErrorKind::DeadlineExceeded);
        assert!(format!("{late:#}").contains("the call's time is over"), "{late:#}");

        let mut second = Box::pin(call(&remote, long));
        assert!(futures_util::poll!(&mut second).is_pending());
        let crowded = call(&remote, long).await.expect_err("nobody else may wait");
        assert_eq!(crowded.kind(), ErrorKind::Overloaded);

        gate.notify_one();
        assert_eq!(first.await.expect("no panic").expect("an answer"), StatusCode::NO_CONTENT);
        let second = tokio::spawn(second);
        comes.recv().await.expect("it came when there was a place");
        gate.notify_one();
        assert_eq!(second.await.expect("no panic").expect("an answer"), StatusCode::NO_CONTENT);
        let counts = remote.breaker().counts();
        assert_eq!((counts.calls, counts.failures), (2, 0), "to have no place says nothing of the other side");
    }

    #[tokio::test]
    async fn a_call_that_is_given_up_leaves_nothing_behind() {
        let (remote, mut comes, gate) = held().await;
        let given_up = tokio::spawn(call(&remote, Duration::from_secs(60)));
        comes.recv().await.expect("it came");
        given_up.abort();
        assert!(given_up.await.expect_err("it was given up").is_cancelled());
        let late = call(&remote, Duration::from_millis(300)).await.expect_err("there is no answer");
        assert_eq!(late.kind(), ErrorKind::DeadlineExceeded);
        comes.recv().await.expect("it had the place of the other");

        gate.notify_waiters();
        let next = tokio::spawn(call(&remote, Duration::from_secs(60)));
        comes.recv().await.expect("it had the place of both");
        gate.notify_one();
        assert_eq!(next.await.expect("no panic").expect("an answer"), StatusCode::NO_CONTENT);
        let counts = remote.breaker().counts();
        assert_eq!((counts.calls, counts.failures), (1, 0), "who gives up says nothing of the other side");
    }
}
