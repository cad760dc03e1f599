//! What every driver must do, as a suite that a driver's tests run against their own source.

use tokio::time::{Duration, timeout};

use super::{Discovery, Endpoint, Snapshot};
use crate::BoxFuture;

/// A source that a test can change.
pub trait Source: Send {
    /// Begins to watch it.
    fn watch(&self) -> Discovery;
    /// Makes it hold these addresses, and no others.
    fn set<'a>(&'a mut self, addresses: &'a [&'a str]) -> BoxFuture<'a, ()>;
    /// Makes it fail until it is set again.
    fn break_down(&mut self) -> BoxFuture<'_, ()>;
}

/// Longer than any source takes to notice.
const LIMIT: Duration = Duration::from_secs(30);

/// Runs every case on a source, one after the other.
///
/// # Panics
/// When the driver does not do what it must.
pub async fn run(source: &mut dyn Source, [one, two, three]: [&str; 3]) {
    source.set(&[one, two]).await;
    let discovery = source.watch();
    let first = timeout(LIMIT, discovery.found()).await.expect("what is there is found");
    assert_eq!((addresses(&first), &first.error), (sorted(&[one, two]), &None), "it is found whole, and in order");

    source.set(&[two, three]).await;
    until(&discovery, "one comes and one goes", |seen| addresses(seen) == sorted(&[two, three])).await;

    source.break_down().await;
    until(&discovery, "a failure is told", |seen| seen.error.is_some()).await;
    assert_eq!(addresses(&discovery.now()), sorted(&[two, three]), "a failure takes nothing away");

    source.set(&[one]).await;
    until(&discovery, "it recovers", |seen| addresses(seen) == [one] && seen.error.is_none()).await;

    source.break_down().await;
    let late = source.watch();
    until(&late, "one that begins while it fails says so", |seen| seen.error.is_some()).await;
    assert_eq!((late.now().read, addresses(&late.now())), (false, Vec::new()));
    source.set(&[three]).await;
    let found = timeout(LIMIT, late.found()).await.expect("it is found when the source is back");
    assert_eq!(addresses(&found), [three]);
}

async fn until(discovery: &Discovery, what: &str, reached: impl Fn(&Snapshot) -> bool) {
    let mut changes = discovery.changes();
    let waited = timeout(LIMIT, changes.wait_for(|snapshot| reached(snapshot))).await;
    assert!(waited.is_ok_and(|seen| seen.is_ok()), "{what}: {:?}", discovery.now());
}

fn addresses(snapshot: &Snapshot) -> Vec<String> {
    snapshot.endpoints.iter().map(|Endpoint { address, .. }| address.to_string()).collect()
}

fn sorted(addresses: &[&str]) -> Vec<String> {
    let mut sorted: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    sorted.sort();
    sorted
}
