//! Messages are counted through fifty faults.

use messaging_tests::counting::{Plan, run};
use tokio::time::Duration;

/// Another one finds other moments: `MESSAGING_SEED=7 cargo nextest run …`.
const SEED: u64 = 20_261_121;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_and_nothing_happens_twice() {
    let seed = std::env::var("MESSAGING_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(SEED);
    let plan = Plan {
        seed,
        messages: 100_000,
        lasting: Duration::ZERO,
        broker_restarts: 25,
        service_kills: 25,
        say: |text| println!("{text}"),
    };
    let report = run(&plan, env!("CARGO_BIN_EXE_ledger")).await;
    println!("{report}");
    let faults = report.faults();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let counts = report.counts;
    assert_eq!((counts.stops + counts.kills, counts.services + counts.failpoints), (25, 25));
    assert!(report.acknowledged >= 100_000);
}
