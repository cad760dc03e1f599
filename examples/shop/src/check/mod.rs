//! Looks whether stock, orders, payments and the provider's records agree.
//!
//! It reads every service's tables, which none of the services may do: it is an auditor, not a part of the shop.

mod facts;
mod read;
mod rules;

use std::path::Path;
use std::process::ExitCode;

use chassis::Result;
use tokio::time::{Duration, Instant, sleep};

use crate::up::Urls;

pub use facts::{Charge, Facts, Line, Order, Payment, Reservation, Stock};
pub use read::{Source, read};
pub use rules::verify;

/// What was found.
#[derive(Debug, Clone)]
pub struct Report {
    /// What the services' records say.
    pub facts: Facts,
    /// What does not agree, a sentence each.
    pub faults: Vec<String>,
}

/// Looks until everything agrees, or `patience` is over: work that is under way looks like a disagreement.
///
/// # Errors
/// When the records cannot be read.
pub async fn settle(source: &Source, patience: Duration) -> Result<Report> {
    let until = Instant::now() + patience;
    loop {
        let facts = read(source).await?;
        let faults = verify(&facts);
        if faults.is_empty() || Instant::now() >= until {
            return Ok(Report { facts, faults });
        }
        sleep(Duration::from_millis(250)).await;
    }
}

/// The command `shop check`.
///
/// # Errors
/// When the records cannot be read.
pub fn run(state: &Path, urls: Option<&Urls>, wait: u64) -> Result<ExitCode> {
    let source = match urls {
        Some(urls) => Source::distributed(urls)?,
        None => Source::embedded(state)?,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(settle(&source, Duration::from_secs(wait)))?;
    let facts = &report.facts;
    let of = |state: &str| facts.orders.iter().filter(|order| order.state == state).count();
    println!(
        "{} orders ({} confirmed, {} cancelled), {} payments, {} charges, {} articles",
        facts.orders.len(),
        of("confirmed"),
        of("cancelled"),
        facts.payments.len(),
        facts.charges.len(),
        facts.stock.len()
    );
    for fault in &report.faults {
        println!("  - {fault}");
    }
    if report.faults.is_empty() {
        println!("stock, orders, payments and the provider's records agree");
        return Ok(ExitCode::SUCCESS);
    }
    println!("{} things do not agree", report.faults.len());
    Ok(ExitCode::FAILURE)
}
