//! Right but for its features: `tests/run features` has it refused, by itself, and reads what the compiler says. Together with
//! the rest of the workspace it is built with a database, and is right.

use chassis::prelude::*;

/// The two services of it.
pub fn app() -> App {
    App::new().service(Books::new).service(Shelf)
}

#[event(name = "book.added", version = 1)]
struct BookAdded {
    id: String,
}

struct Books {
    database: Database,
    events: Publisher,
}

#[service(name = "books", migrations = "migrations")]
impl Books {
    #[init]
    async fn new(database: Database, events: Publisher) -> Result<Self> {
        Ok(Self { database, events })
    }

    #[post("/books/{id}")]
    async fn add(&self, Path(id): Path<String>) -> Result<StatusCode> {
        let mut tx = self.database.begin().await?;
        self.events.publish(&mut tx, BookAdded { id }).await?;
        tx.commit().await?;
        Ok(StatusCode::CREATED)
    }
}

struct Shelf;

#[service(name = "shelf", database)]
impl Shelf {
    #[subscribe]
    async fn book_added(&self, event: Delivery<BookAdded>, tx: &mut Tx) -> Result<()> {
        let _ = (event, tx);
        Ok(())
    }
}
