//! The folder of an application's files, which goes with it.

use std::path::{Path, PathBuf};

use crate::{Result, ResultExt};

pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new(name: &str) -> Result<Self> {
        let path = std::env::temp_dir().join(format!("chassis-{name}"));
        std::fs::create_dir_all(&path).context(format!("the folder `{}` cannot be made", path.display()))?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left of it lies among other temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
