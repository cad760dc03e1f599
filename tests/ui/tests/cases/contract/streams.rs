use chassis::prelude::*;

#[contract(name = "vault", version = 1)]
pub trait Vault {
    #[post("/a")]
    async fn two(&self, first: ByteStream, second: ByteStream) -> Result<u32>;

    #[post("/b")]
    async fn beside(&self, line: String, #[body] file: ByteStream) -> Result<u32>;

    #[post("/c")]
    async fn header(&self, #[header("x-file")] file: ByteStream) -> Result<u32>;

    #[post("/d")]
    async fn query(&self, #[query] file: ByteStream) -> Result<u32>;

    #[put("/e/{file}")]
    async fn path(&self, file: ByteStream) -> Result<u32>;

    #[get("/f")]
    async fn no_body(&self, file: ByteStream) -> Result<u32>;

    #[post("/g")]
    async fn inside(&self, file: Option<ByteStream>) -> Result<u32>;

    #[get("/h")]
    async fn many(&self) -> Result<Vec<ByteStream>>;

    #[get("/i", content_type = "text/csv")]
    async fn json(&self) -> Result<u32>;

    #[get("/j", content_type = "csv")]
    async fn no_type(&self) -> Result<ByteStream>;
}

fn main() {}
