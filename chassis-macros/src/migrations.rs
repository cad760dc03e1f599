//! The SQL files of a service's migrations: `0001_products.sql`.

use std::path::PathBuf;

use syn::LitStr;

/// One file.
pub(crate) struct Migration {
    pub(crate) version: i64,
    /// The file's name, which is what people know it by.
    pub(crate) description: String,
    /// Absolute, for `include_str!`.
    pub(crate) path: String,
}

/// The migrations in `folder`, which is relative to the crate, in their order.
pub(crate) fn read(folder: &LitStr) -> Result<Vec<Migration>, String> {
    let root = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
    let name = folder.value();
    let directory = root.join(&name);
    let entries = std::fs::read_dir(&directory)
        .map_err(|error| format!("the folder `{name}` beside Cargo.toml cannot be read: {error}"))?;
    let mut migrations = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| format!("the folder `{name}` cannot be read: {error}"))?.path();
        let Some(file) = path.file_name().and_then(|file| file.to_str()) else { continue };
        let Some(stem) = file.strip_suffix(".sql") else { continue };
        let version = stem.split_once('_').and_then(|(version, _)| version.parse::<i64>().ok());
        let Some(version) = version else {
            return Err(format!("`{name}/{file}` is no migration: name it like `0001_products.sql`"));
        };
        if let Some(twin) = migrations.iter().find(|other: &&Migration| other.version == version) {
            return Err(format!("`{name}/{file}` has the version of `{}`", twin.path));
        }
        let description = file.to_owned();
        let path = path.to_str().ok_or_else(|| format!("the path of `{file}` is not UTF-8"))?.to_owned();
        migrations.push(Migration { version, description, path });
    }
    if migrations.is_empty() {
        return Err(format!("the folder `{name}` has no migration: name one like `0001_products.sql`"));
    }
    migrations.sort_by_key(|migration| migration.version);
    Ok(migrations)
}
