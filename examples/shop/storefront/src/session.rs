//! Which browser it is.

use chassis::Result;
use chassis::data::Database;
use chassis::prelude::HeaderMap;
use sha2::{Digest, Sha256};
use uuid::Uuid;

const COOKIE: &str = "fieldfare";

/// A browser that has been here before.
#[derive(Debug, Clone)]
pub(crate) struct Visitor {
    /// The name under which other services hear of it.
    pub(crate) shopper: String,
}

/// The browser that sent the request, if it is known.
pub(crate) async fn visitor(db: &Database, headers: &HeaderMap) -> Result<Option<Visitor>> {
    let Some(cookie) = cookie(headers) else { return Ok(None) };
    let found: Option<(String,)> = sqlx::query_as("SELECT shopper FROM sessions WHERE cookie_hash = $1")
        .bind(hash(cookie))
        .fetch_optional(db.pool())
        .await?;
    Ok(found.map(|(shopper,)| Visitor { shopper }))
}

/// Welcomes a browser that is not known; the text is the value of the header `set-cookie`.
pub(crate) async fn welcome(db: &Database) -> Result<(Visitor, String)> {
    let cookie = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
    let shopper = format!("shopper-{}", Uuid::new_v4().simple());
    let mut tx = db.begin().await?;
    sqlx::query("INSERT INTO sessions (cookie_hash, shopper, created_at) VALUES ($1, $2, $3)")
        .bind(hash(&cookie))
        .bind(&shopper)
        .bind(jiff::Timestamp::now().as_millisecond())
        .execute(&mut tx)
        .await?;
    tx.commit().await?;
    // `Lax` keeps the cookie from forms that another site sends, which is what makes our own forms safe.
    let header = format!("{COOKIE}={cookie}; Path=/; HttpOnly; SameSite=Lax; Max-Age=2592000");
    Ok((Visitor { shopper }, header))
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let all = headers.get_all("cookie").iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, value)| value)
}

fn hash(cookie: &str) -> String {
    Sha256::digest(cookie.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append("cookie", "theme=dark; fieldfare=abc".parse().expect("a header"));
        headers.append("cookie", "other=1".parse().expect("a header"));
        assert_eq!(cookie(&headers), Some("abc"));
        assert_eq!(cookie(&HeaderMap::new()), None);
    }
}
