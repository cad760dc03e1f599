//! Where PostgreSQL's programs are, and as whom they run.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A program of the newest PostgreSQL that is installed. Debian keeps the server's outside of PATH.
pub(super) fn program(name: &str) -> PathBuf {
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin").join(name))))
        .filter(|(_, path)| path.exists())
        .collect();
    versions.sort();
    let in_path = || {
        let folders = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&folders).map(|folder| folder.join(name)).find(|path| path.exists())
    };
    versions
        .pop()
        .map(|(_, path)| path)
        .or_else(in_path)
        .unwrap_or_else(|| panic!("PostgreSQL is not installed (no {name}): apt-get install postgresql"))
}

/// The server refuses to run as root: then it runs as this user.
#[derive(Debug, Clone, Copy)]
pub(super) struct Owner(Option<(u32, u32)>);

impl Owner {
    pub(super) fn find() -> Self {
        let me = fs::metadata("/proc/self").map(|own| own.uid()).unwrap_or_default();
        if me != 0 {
            return Self(None);
        }
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let ids = |name: &str| {
            let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
            let mut ids = line.split(':').skip(2).map(str::parse);
            Some((ids.next()?.ok()?, ids.next()?.ok()?))
        };
        let found = ids("postgres").or_else(|| ids("nobody"));
        Self(Some(found.expect("a user `postgres` or `nobody`, since PostgreSQL does not run as root")))
    }

    pub(super) fn command(self, name: &str) -> Command {
        let path = program(name);
        match self.0 {
            None => Command::new(path),
            Some((user, group)) => {
                let mut command = Command::new("setpriv");
                command
                    .arg(format!("--reuid={user}"))
                    .arg(format!("--regid={group}"))
                    .arg("--clear-groups")
                    .arg("--")
                    .arg(path);
                command
            }
        }
    }

    pub(super) fn own(self, path: &Path) {
        if let Some((user, group)) = self.0 {
            chown(path, Some(user), Some(group))
                .unwrap_or_else(|error| panic!("cannot give {} to the user {user}: {error}", path.display()));
        }
    }
}
