//! Waiting for what another process does, of which no event tells.

use std::time::{Duration, Instant};

/// Waits until `condition` gives something, at most 30 seconds; `what` completes "never happened: …".
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, condition: impl FnMut() -> F) -> T {
    eventually_within(Duration::from_secs(30), what, condition).await
}

/// Waits until `condition` gives something; panics with `what` once `limit` has passed.
pub async fn eventually_within<T, F: Future<Output = Option<T>>>(
    limit: Duration,
    what: &str,
    mut condition: impl FnMut() -> F,
) -> T {
    let start = Instant::now();
    let mut pause = Duration::from_millis(2);
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        assert!(start.elapsed() < limit, "never happened within {limit:?}: {what}");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_is_tried_until_there_is_something() {
        let waiting = tokio::spawn(async {
            let mut tries = 0;
            let third = || {
                tries += 1;
                std::future::ready((tries == 3).then_some(tries))
            };
            eventually("three tries", third).await
        });
        assert_eq!(waiting.await.expect("a task of its own"), 3);
    }

    #[tokio::test]
    #[should_panic(expected = "never happened within 10ms: a miracle")]
    async fn what_was_waited_for_is_told() {
        eventually_within(Duration::from_millis(10), "a miracle", async || None::<()>).await;
    }
}
