//! What stands for the database of a service when no engine is compiled in.

use crate::app::{Needs, Part, Parts};
use crate::data::Database;
use crate::{BoxFuture, Error, ErrorKind, Result};

impl Part for Database {
    fn provide(_: &Parts) -> BoxFuture<'_, Result<Self>> {
        Box::pin(async {
            Err(Error::new(ErrorKind::Config, "a database needs the feature `sqlite` or `postgres` of chassis"))
        })
    }

    fn needs(needs: &mut Needs) {
        needs.database = true;
    }
}
