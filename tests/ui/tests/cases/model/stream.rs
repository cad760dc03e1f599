use chassis::prelude::*;

#[model]
pub struct Photo {
    pub name: String,
    pub bytes: ByteStream,
}

#[event(name = "photo.taken", version = 1)]
pub struct PhotoTaken {
    pub bytes: Option<chassis::http::ByteStream>,
}

fn main() {}
