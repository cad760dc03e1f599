use chassis::data::{Database, DatabaseSettings};

use super::*;

/// A database of its own, with ten mugs and three lamps.
async fn shelves() -> (Database, std::path::PathBuf) {
    let folder = std::env::temp_dir().join(format!("shop-inventory-{}-{}", std::process::id(), fastrand::u64(..)));
    let settings = DatabaseSettings::at(format!("sqlite:{}/stock.db", folder.display()));
    let db = Database::connect(&settings, "inventory").await.expect("a database");
    db.migrate(&chassis::migrations!["migrations/0001_stock.sql"]).await.expect("tables");
    let mut tx = db.begin().await.expect("a transaction");
    for (sku, units) in [("MUG", 10), ("LAMP", 3)] {
        let insert = "INSERT INTO stock (sku, initial, available, reserved, sold) VALUES ($1, $2, $2, 0, 0)";
        sqlx::query(insert).bind(sku).bind(units).execute(&mut tx).await.expect("a row");
    }
    tx.commit().await.expect("stored");
    (db, folder)
}

fn lines(wanted: &[(&str, i64)]) -> Vec<PlacedLine> {
    wanted.iter().map(|(sku, quantity)| PlacedLine { sku: (*sku).to_owned(), quantity: *quantity }).collect()
}

async fn on_shelf(tx: &mut Tx) -> (i64, i64) {
    (stock::available(tx, "MUG").await.expect("mugs"), stock::available(tx, "LAMP").await.expect("lamps"))
}

#[tokio::test]
async fn all_lines_are_held_or_none() {
    let (db, folder) = shelves().await;
    let mut tx = db.begin().await.expect("a transaction");
    assert_eq!(reserve(&mut tx, "a", &lines(&[("MUG", 2), ("LAMP", 3)])).await.expect("held"), Reserved::Held);
    assert_eq!(on_shelf(&mut tx).await, (8, 0));

    let refused = reserve(&mut tx, "b", &lines(&[("MUG", 2), ("LAMP", 1)])).await.expect("refused");
    assert_eq!(refused, Reserved::Missing(vec![Shortage { sku: "LAMP".into(), wanted: 1, available: 0 }]));
    assert_eq!(on_shelf(&mut tx).await, (8, 0));
    drop(tx);
    db.close().await;
    std::fs::remove_dir_all(folder).expect("cleared");
}

#[tokio::test]
async fn what_is_released_comes_back_once() {
    let (db, folder) = shelves().await;
    let mut tx = db.begin().await.expect("a transaction");
    reserve(&mut tx, "a", &lines(&[("MUG", 4)])).await.expect("held");
    assert!(release(&mut tx, "a").await.expect("released"));
    assert!(!release(&mut tx, "a").await.expect("nothing left"));
    assert_eq!(on_shelf(&mut tx).await, (10, 3));
    drop(tx);
    db.close().await;
    std::fs::remove_dir_all(folder).expect("cleared");
}

#[tokio::test]
async fn a_reservation_that_comes_after_the_release_is_refused() {
    let (db, folder) = shelves().await;
    let mut tx = db.begin().await.expect("a transaction");
    assert!(!release(&mut tx, "a").await.expect("a tombstone"));
    assert_eq!(reserve(&mut tx, "a", &lines(&[("MUG", 4)])).await.expect("refused"), Reserved::TooLate);
    assert_eq!(on_shelf(&mut tx).await, (10, 3));
    drop(tx);
    db.close().await;
    std::fs::remove_dir_all(folder).expect("cleared");
}

#[tokio::test]
async fn what_is_sold_is_neither_available_nor_reserved() {
    let (db, folder) = shelves().await;
    let mut tx = db.begin().await.expect("a transaction");
    reserve(&mut tx, "a", &lines(&[("MUG", 4)])).await.expect("held");
    commit(&mut tx, "a").await.expect("sold");
    assert!(commit(&mut tx, "a").await.is_err(), "sold twice");
    assert!(!release(&mut tx, "a").await.expect("nothing to release"));
    let row: (i64, i64, i64) = sqlx::query_as("SELECT available, reserved, sold FROM stock WHERE sku = 'MUG'")
        .fetch_one(&mut tx)
        .await
        .expect("mugs");
    assert_eq!(row, (6, 0, 4));
    drop(tx);
    db.close().await;
    std::fs::remove_dir_all(folder).expect("cleared");
}
