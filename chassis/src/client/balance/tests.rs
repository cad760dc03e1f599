//! The balancer over many calls, with the clock in the test's hand.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::time::{Duration, advance};

use super::*;
use crate::client::instruments::Instruments;
use crate::discovery::Endpoint;

const MS: fn(u64) -> Duration = Duration::from_millis;
const PENALTY: Duration = Duration::from_millis(1500);

fn four() -> Vec<Endpoint> {
    ["a:1", "b:1", "c:1", "d:1"].map(Endpoint::new).to_vec()
}

fn balancer(settings: BalanceSettings, endpoints: &[Endpoint]) -> Balancer {
    let balancer = Balancer::new(settings, PENALTY, Instruments::new("test", "balance").balancing());
    balancer.update(endpoints);
    balancer
}

/// Makes calls one after the other; `call` says how long an instance takes and whether it fails.
async fn calls(balancer: &Balancer, count: u32, call: impl Fn(&str) -> (u64, bool)) -> HashMap<String, u32> {
    let mut counts = HashMap::new();
    for _ in 0..count {
        let pick = balancer.pick(&[]).expect("there are instances");
        let address = pick.address().to_string();
        let (took, failed) = call(&address);
        advance(MS(took)).await;
        pick.end(failed);
        *counts.entry(address).or_default() += 1;
    }
    counts
}

#[tokio::test(start_paused = true)]
async fn equal_instances_share_alike() {
    let counts = calls(&balancer(BalanceSettings::default(), &four()), 4000, |_| (5, false)).await;
    assert!(counts.len() == 4 && counts.values().all(|count| (800..1200).contains(count)), "{counts:?}");
}

#[tokio::test(start_paused = true)]
async fn a_slow_instance_gets_little() {
    let balancer = balancer(BalanceSettings::default(), &four());
    let counts = calls(&balancer, 4000, |address| (if address == "a:1" { 200 } else { 5 }, false)).await;
    assert!(counts["a:1"] < 80, "{counts:?}");
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_fails_fast_does_not_look_like_the_best() {
    let mut settings = BalanceSettings::default();
    settings.outlier.consecutive_failures = 0;
    let balancer = balancer(settings, &four());
    let counts = calls(&balancer, 4000, |address| if address == "a:1" { (0, true) } else { (5, false) }).await;
    assert!(counts["a:1"] < 40, "{counts:?}");
}

#[tokio::test(start_paused = true)]
async fn round_robin_goes_round_and_leaves_out_what_keeps_failing() {
    let settings = BalanceSettings { policy: Balance::RoundRobin, ..BalanceSettings::default() };
    let balancer = balancer(settings, &four());
    let counts = calls(&balancer, 400, |_| (1, false)).await;
    assert!(counts.values().all(|count| *count == 100), "{counts:?}");
    calls(&balancer, 20, |address| (1, address == "b:1")).await;
    assert_eq!(balancer.states()[1].status, EndpointStatus::Ejected);
    assert_eq!(calls(&balancer, 300, |_| (1, false)).await.get("b:1"), None);
    advance(Duration::from_secs(6)).await;
    assert!(calls(&balancer, 40, |_| (1, false)).await.contains_key("b:1"), "it comes back");
}

#[tokio::test(start_paused = true)]
async fn never_more_than_the_allowed_share_is_left_out() {
    let settings = BalanceSettings { policy: Balance::RoundRobin, ..BalanceSettings::default() };
    let balancer = balancer(settings, &four());
    calls(&balancer, 100, |_| (1, true)).await;
    let ejected = balancer.states().iter().filter(|state| state.status == EndpointStatus::Ejected).count();
    assert_eq!(ejected, 2);
    let alone = self::balancer(BalanceSettings::default(), &four()[..1]);
    calls(&alone, 100, |_| (1, true)).await;
    assert_eq!(alone.states()[0].status, EndpointStatus::Active, "the only one is never left out");
}

#[tokio::test(start_paused = true)]
async fn another_attempt_goes_to_another_instance() {
    let balancer = balancer(BalanceSettings::default(), &four());
    for _ in 0..100 {
        let mut tried: Vec<Arc<str>> = Vec::new();
        for _ in 0..4 {
            let pick = balancer.pick(&tried).expect("there are instances");
            assert!(!tried.contains(pick.address()));
            tried.push(Arc::clone(pick.address()));
        }
        assert!(balancer.pick(&tried).is_some(), "when all were tried, one is tried again");
    }
}

#[tokio::test(start_paused = true)]
async fn the_zone_and_the_priority_come_first() {
    let endpoints = [
        Endpoint::new("near:1").zone("a"),
        Endpoint::new("far:1").zone("b"),
        Endpoint::new("spare:1").zone("a").share(1, 1),
    ];
    let settings = BalanceSettings { zone: Some("a".to_owned()), ..BalanceSettings::default() };
    let balancer = balancer(settings, &endpoints);
    assert_eq!(calls(&balancer, 100, |_| (1, false)).await, HashMap::from([("near:1".to_owned(), 100)]));
    balancer.update(&endpoints[1..]);
    assert_eq!(calls(&balancer, 100, |_| (1, false)).await, HashMap::from([("far:1".to_owned(), 100)]));
    balancer.update(&endpoints[2..]);
    assert_eq!(calls(&balancer, 100, |_| (1, false)).await, HashMap::from([("spare:1".to_owned(), 100)]));
}

#[tokio::test(start_paused = true)]
async fn what_is_new_grows_into_its_share() {
    let all = four();
    let balancer = balancer(BalanceSettings::default(), &all[..3]);
    calls(&balancer, 300, |_| (1, false)).await;
    balancer.update(&all);
    // Its first answer makes it known; before that it costs nothing.
    let early = calls(&balancer, 1000, |_| (1, false)).await["d:1"];
    advance(Duration::from_secs(10)).await;
    let late = calls(&balancer, 1000, |_| (1, false)).await["d:1"];
    assert!(early < 150 && late > 200, "{early} of 1000 at first, {late} later");
}

#[tokio::test(start_paused = true)]
async fn what_left_gets_no_more_and_what_stays_is_remembered() {
    let all = four();
    let balancer = balancer(BalanceSettings::default(), &all);
    calls(&balancer, 200, |_| (7, false)).await;
    let pick = balancer.pick(&[]).expect("there are instances");
    let leaving = pick.address().to_string();
    let rest: Vec<Endpoint> = all.into_iter().filter(|one| *one.address != *leaving).collect();
    balancer.update(&rest);
    assert!(balancer.states().iter().all(|state| state.latency_ms.is_some() && state.address != leaving));
    pick.end(false);
    assert_eq!(calls(&balancer, 100, |_| (1, false)).await.get(&leaving), None);
    balancer.update(&[]);
    assert!(balancer.pick(&[]).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_given_up_leaves_nothing_under_way() {
    let balancer = balancer(BalanceSettings::default(), &four()[..1]);
    let pick = balancer.pick(&[]).expect("there is an instance");
    assert_eq!(balancer.states()[0].under_way, 1);
    advance(PENALTY - MS(10)).await;
    drop(pick);
    let state = &balancer.states()[0];
    assert_eq!((state.under_way, state.consecutive_failures), (0, 1), "its time was over");
    drop(balancer.pick(&[]));
    assert_eq!(
        balancer.states()[0].consecutive_failures,
        1,
        "that nobody wants an answer says nothing of the instance"
    );
}
