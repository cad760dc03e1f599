//! Where RabbitMQ and PostgreSQL are.

use std::fmt;
use std::path::Path;

use chassis::config::mask_url;
use chassis::{Error, Result, ResultExt};
use serde::Deserialize;
use url::Url;

/// Where RabbitMQ and PostgreSQL are.
#[derive(Clone)]
pub struct Urls {
    /// RabbitMQ with its virtual host.
    pub rabbitmq: String,
    /// PostgreSQL with a database that can be connected to for making others.
    pub postgres: String,
    /// What the names of the services' databases begin with.
    pub databases: String,
}

/// What the names of the services' databases begin with unless something else is said.
pub const DATABASES: &str = "shop";

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    rabbitmq: Option<String>,
    postgres: Option<String>,
}

impl Urls {
    /// What was said directly, completed by the file; `None` if nothing was said at all.
    ///
    /// # Errors
    /// When only one of the two is known, the file cannot be read, or `databases` is no beginning of a name.
    pub fn resolve(
        rabbitmq: Option<String>,
        postgres: Option<String>,
        file: Option<&Path>,
        databases: String,
    ) -> Result<Option<Self>> {
        // It becomes part of a statement, where no placeholder can stand for it.
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if !databases.starts_with(|c: char| c.is_ascii_lowercase())
            || !databases.chars().all(plain)
            || databases.len() > 40
        {
            let wanted = "lower-case letters, digits and `_`, a letter first, at most 40 of them";
            return Err(Error::msg(format!("`{databases}` is no beginning of a database's name: {wanted}")));
        }
        let from_file = match file {
            None => File::default(),
            Some(path) => {
                let text = std::fs::read_to_string(path).context(format!("{} cannot be read", path.display()))?;
                // The parser's own message would quote the line, password and all.
                toml::from_str(&text).map_err(|_| {
                    let wanted = "is no TOML file with `rabbitmq = \"…\"` and `postgres = \"…\"`";
                    Error::msg(format!("{} {wanted}", path.display()))
                })?
            }
        };
        match (rabbitmq.or(from_file.rabbitmq), postgres.or(from_file.postgres)) {
            (Some(rabbitmq), Some(postgres)) => Ok(Some(Self { rabbitmq, postgres, databases })),
            (None, None) => Ok(None),
            (Some(_), None) => Err(Error::msg("RabbitMQ is known, but where is PostgreSQL? Say so by --postgres")),
            (None, Some(_)) => Err(Error::msg("PostgreSQL is known, but where is RabbitMQ? Say so by --rabbitmq")),
        }
    }
}

impl Urls {
    /// The name of a service's own database.
    pub fn database(&self, service: &str) -> String {
        format!("{}_{service}", self.databases)
    }

    /// The URL of a service's own database.
    ///
    /// # Errors
    /// When `postgres` is no URL.
    pub fn database_url(&self, service: &str) -> Result<String> {
        let mut url = Url::parse(&self.postgres).context("the URL of PostgreSQL is no URL")?;
        url.set_path(&format!("/{}", self.database(service)));
        Ok(url.to_string())
    }
}

impl fmt::Debug for Urls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Urls")
            .field("rabbitmq", &mask_url(&self.rabbitmq))
            .field("postgres", &mask_url(&self.postgres))
            .field("databases", &self.databases)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(databases: &str) -> Result<Option<Urls>> {
        let postgres = "postgres://ada:secret@db:5432/postgres?sslmode=require".to_owned();
        Urls::resolve(Some("amqp://broker".to_owned()), Some(postgres), None, databases.to_owned())
    }

    #[test]
    fn each_service_has_a_database_of_its_own_on_the_same_server() {
        let urls = urls(DATABASES).expect("a good name").expect("both are known");
        let url = urls.database_url("orders").expect("a URL");
        assert_eq!(url, "postgres://ada:secret@db:5432/shop_orders?sslmode=require");
    }

    #[test]
    fn what_would_be_no_name_is_refused() {
        for name in ["", "1st", "a b", "x;DROP", "Shop", &"x".repeat(41)] {
            assert!(urls(name).is_err(), "{name}");
        }
    }
}
