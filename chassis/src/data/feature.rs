/// Holds when an engine is compiled in. What needs a database asks for it, so that the compiler can say what is lacking.
#[diagnostic::on_unimplemented(
    message = "this needs a database: the feature `sqlite` or `postgres` of chassis",
    label = "no database is compiled in",
    note = "in Cargo.toml: `chassis = {{ …, features = [\"sqlite\"] }}`"
)]
#[doc(hidden)]
pub trait DatabaseFeature {}

#[cfg(any(feature = "sqlite", feature = "postgres"))]
impl DatabaseFeature for () {}
