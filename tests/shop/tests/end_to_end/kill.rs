//! Processes are killed at random moments while orders come in.

use fastrand::Rng;
use harness::process::{Process, Signal};
use rustix::process::{Pid, kill_process};
use shop::services;
use tokio::sync::watch;

use crate::support::{APPROVED, Card, DECLINED, LOST, Mode, Place, Shopper};

/// Another one finds other moments: `SHOP_SEED=7 cargo nextest run …`.
const SEED: u64 = 20_261_121;
const ORDERS: usize = 50;
/// How many shoppers order at the same time.
const AT_ONCE: usize = 4;

/// An order to be placed.
#[derive(Debug, Clone, Copy)]
struct Wish {
    sku: &'static str,
    quantity: u32,
    card: Card,
}

fn seeded() -> Rng {
    let seed = std::env::var("SHOP_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(SEED);
    println!("the seed is {seed}");
    Rng::with_seed(seed)
}

fn wishes(random: &mut Rng) -> Vec<Wish> {
    // Some of these run out.
    let skus = ["LIG-01", "KIT-01", "AUD-01", "LIG-10", "KIT-12", "PLA-10", "FUR-05"];
    let wish = |number| Wish {
        sku: skus[random.usize(..skus.len())],
        quantity: random.u32(1..=3),
        card: match number {
            10 | 35 => LOST,
            _ if random.u32(..4) == 0 => DECLINED,
            _ => APPROVED,
        },
    };
    (0..ORDERS).map(wish).collect()
}

/// After how many orders each of `count` kills comes, in order.
fn moments(random: &mut Rng, count: usize) -> Vec<usize> {
    let mut moments: Vec<usize> = (0..count).map(|_| random.usize(1..ORDERS - 5)).collect();
    moments.sort_unstable();
    moments
}

/// Places all orders, several at once, and counts them.
async fn order_all(place: &Place, wishes: &[Wish], placed: watch::Sender<usize>) {
    let shoppers = (0..AT_ONCE).map(|first| {
        let placed = &placed;
        async move {
            for wish in wishes.iter().skip(first).step_by(AT_ONCE) {
                Shopper::with(place, wish.sku, wish.quantity).await.order(wish.card).await;
                placed.send_modify(|placed| *placed += 1);
            }
        }
    });
    let [a, b, c, d]: [_; AT_ONCE] = shoppers.collect::<Vec<_>>().try_into().unwrap_or_else(|_| unreachable!());
    tokio::join!(a, b, c, d);
}

#[tokio::test]
async fn the_embedded_shop_is_killed_five_times() {
    let mut random = seeded();
    let (wishes, moments) = (wishes(&mut random), moments(&mut random, 5));
    println!("it is killed after {moments:?} orders");
    let place = Place::new(Mode::Embedded).await;
    let mut running = place.start(place.shop()).await;
    let (sender, mut placed) = watch::channel(0);
    let kill = async {
        for moment in moments {
            placed.wait_for(|placed| *placed >= moment).await.expect("orders still come in");
            running.process.restart().await;
            place.ready().await;
        }
    };
    tokio::join!(order_all(&place, &wishes, sender), kill);
    place.settle(ORDERS).await;
    running.end().await;
}

#[tokio::test]
async fn each_service_is_killed_once() {
    let mut random = seeded();
    let (wishes, moments) = (wishes(&mut random), moments(&mut random, services::names().len()));
    let mut victims = services::names();
    random.shuffle(&mut victims);
    println!("{victims:?} are killed after {moments:?} orders");
    let place = Place::new(Mode::Distributed).await;
    let mut running = place.start(place.shop()).await;
    let (sender, mut placed) = watch::channel(0);
    let kill = async {
        for (moment, victim) in moments.into_iter().zip(victims) {
            placed.wait_for(|placed| *placed >= moment).await.expect("orders still come in");
            kill_service(&mut running.process, victim).await;
        }
    };
    tokio::join!(order_all(&place, &wishes, sender), kill);
    place.settle(ORDERS).await;
    running.end().await;
    place.clear().await;
}

/// Kills a service, and waits until `shop up` has started it again.
async fn kill_service(up: &mut Process, service: &str) {
    let started = format!("shop: {service} runs as process ");
    let line = up.wait_for_lines(&started, 1).await.pop().expect("a line");
    let pid = line.rsplit(' ').next().and_then(|pid| pid.parse().ok()).and_then(Pid::from_raw);
    kill_process(pid.unwrap_or_else(|| panic!("no process in `{line}`")), Signal::KILL).expect("it runs");
    up.wait_for_lines(&started, 2).await;
}
