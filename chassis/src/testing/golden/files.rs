//! The two files of an event.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::messaging::Event;

/// What the files of an event say.
#[derive(Debug, PartialEq)]
pub(super) struct Files {
    /// A sample.
    pub(super) sample: Value,
    /// Its JSON Schema.
    pub(super) schema: Value,
}

impl Files {
    /// As the type has it now.
    pub(super) fn of<E: Event>(sample: &E) -> Result<Self, String> {
        Ok(Self { sample: super::json(sample)?, schema: schemars::schema_for!(E).to_value() })
    }

    /// As the files have it; `None` where there are none.
    pub(super) fn read(folder: &Path, kind: &str) -> Result<Option<Self>, String> {
        let [sample, schema] = paths(folder, kind);
        match (read(&sample)?, read(&schema)?) {
            (Some(sample), Some(schema)) => Ok(Some(Self { sample, schema })),
            (None, None) => Ok(None),
            (Some(_), None) => Err(format!("{} is there, but {} is not", sample.display(), schema.display())),
            (None, Some(_)) => Err(format!("{} is there, but {} is not", schema.display(), sample.display())),
        }
    }

    /// Writes them.
    pub(super) fn write(&self, folder: &Path, kind: &str) -> Result<(), String> {
        fs::create_dir_all(folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
        for (path, value) in paths(folder, kind).iter().zip([&self.sample, &self.schema]) {
            fs::write(path, format!("{value:#}\n"))
                .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        }
        Ok(())
    }
}

fn paths(folder: &Path, kind: &str) -> [PathBuf; 2] {
    [folder.join(format!("{kind}.json")), folder.join(format!("{kind}.schema.json"))]
}

fn read(path: &Path) -> Result<Option<Value>, String> {
    match fs::read_to_string(path) {
        Ok(text) => {
            let value = serde_json::from_str(&text);
            value.map(Some).map_err(|error| format!("{} is no JSON: {error}", path.display()))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("cannot read {}: {error}", path.display())),
    }
}
