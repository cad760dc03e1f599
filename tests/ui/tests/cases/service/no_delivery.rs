use chassis::prelude::*;

struct Shelf;

#[service(name = "shelf")]
impl Shelf {
    #[subscribe(at_least_once)]
    async fn added(&self, event: BookAdded) -> Result<()> {
        let _ = event;
        Ok(())
    }

    #[subscribe(at_least_once)]
    async fn borrowed(&self, event: &books::BookAdded) -> Result<()> {
        let _ = event;
        Ok(())
    }
}

#[chassis::event(name = "book.added", version = 1)]
pub struct BookAdded {
    pub id: String,
}

fn main() {}
