//! Ends what a test started and removes what it wrote, also when the test process itself is killed.
//!
//! One small shell per test process reads from a pipe which process groups and folders there are. The pipe ends with the
//! test process, however that ended; then the shell kills the groups and removes the folders that are left. Destructors
//! alone would not do: they run neither for statics nor when a test runner kills a test that takes too long.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

const SCRIPT: &str = r#"
trap '' INT TERM HUP
groups=' '
folders=''
while read -r what value; do
  case $what in
    group) groups="$groups$value " ;;
    release) case $groups in *" $value "*) groups="${groups%% $value *} ${groups#* $value }" ;; esac ;;
    folder) folders="$folders$value
" ;;
  esac
done
for group in $groups; do kill -KILL "-$group" 2>/dev/null; done
[ "$groups" = ' ' ] || sleep 0.2
printf '%s' "$folders" | while read -r folder; do rm -rf -- "$folder" || { sleep 1; rm -rf -- "$folder"; }; done 2>/dev/null
"#;

static GUARD: OnceLock<Mutex<Child>> = OnceLock::new();

fn tell(line: std::fmt::Arguments<'_>) {
    let guard = GUARD.get_or_init(|| {
        let child = Command::new("/bin/sh")
            .args(["-c", SCRIPT])
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("start /bin/sh, which cleans up behind tests");
        Mutex::new(child)
    });
    let mut guard = guard.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(pipe) = guard.stdin.as_mut() {
        // A guard that was killed cannot be helped, and destructors alone are good enough then.
        let _ = pipe.write_all(format!("{line}\n").as_bytes());
    }
}

/// Has the process group killed when this process ends, until it is [released](release_group).
pub fn process_group(group: u32) {
    tell(format_args!("group {group}"));
}

/// Forgets a process group that has ended.
pub fn release_group(group: u32) {
    tell(format_args!("release {group}"));
}

/// A folder of the test's own, removed when dropped, or when the test process ends.
#[derive(Debug)]
pub struct Folder(tempfile::TempDir);

impl Folder {
    /// A new folder whose name begins with `name`, in the system's folder for temporary files.
    pub fn new(name: &str) -> Self {
        Self::within(&std::env::temp_dir(), name)
    }

    /// A new folder whose files live in memory where the system has a place for that. What is written there outlives the
    /// processes that wrote it, but costs no disk; it is for tests that kill processes and not machines.
    pub fn in_memory(name: &str) -> Self {
        let memory = Path::new("/dev/shm");
        if memory.is_dir() { Self::within(memory, name) } else { Self::new(name) }
    }

    fn within(parent: &Path, name: &str) -> Self {
        let folder = tempfile::Builder::new()
            .prefix(&format!("chassis-{name}-"))
            .tempdir_in(parent)
            .unwrap_or_else(|error| panic!("cannot make a folder in {}: {error}", parent.display()));
        tell(format_args!("folder {}", folder.path().display()));
        Self(folder)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// The path of a file in it.
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.path().join(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_lives_as_long_as_its_handle() {
        let folder = Folder::new("guard");
        let path = folder.path().to_owned();
        std::fs::write(folder.join("file"), "x").expect("write");
        assert!(path.is_dir());
        drop(folder);
        assert!(!path.exists());
    }
}
