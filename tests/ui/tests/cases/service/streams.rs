use chassis::prelude::*;

struct Copier;

#[service(name = "copier", database)]
impl Copier {
    #[get("/a")]
    async fn no_body(&self, file: ByteStream) -> String {
        format!("{file:?}")
    }

    #[post("/b", idempotent)]
    async fn kept(&self, file: ByteStream) -> ByteStream {
        file
    }

    #[get("/c", content_type = "text/csv")]
    async fn table(&self) -> ByteStream {
        ByteStream::empty()
    }
}

fn main() {}
