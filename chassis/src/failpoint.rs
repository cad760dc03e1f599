//! Named points in the code at which a test makes the process kill itself.

/// Marks a point of which a test wants to know that the process may die there.
///
/// Without the feature `testing` it is nothing. With it, the environment variable `CHASSIS_FAILPOINT` names a point, as
/// `outbox.after-publish-before-delete`, or as `outbox.after-publish-before-delete=3` to let it pass twice; there the process
/// sends itself SIGKILL, so that nothing is flushed, rolled back or said goodbye to.
#[cfg(feature = "testing")]
#[macro_export]
macro_rules! failpoint {
    ($name:literal) => {
        $crate::failpoint::reach($name)
    };
}

/// Marks a point of which a test wants to know that the process may die there; nothing without the feature `testing`.
#[cfg(not(feature = "testing"))]
#[macro_export]
macro_rules! failpoint {
    ($name:literal) => {};
}

#[cfg(feature = "testing")]
mod armed {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    struct Armed {
        name: String,
        on_hit: u64,
        hits: AtomicU64,
    }

    static ARMED: LazyLock<Option<Armed>> = LazyLock::new(|| parse(&std::env::var("CHASSIS_FAILPOINT").ok()?));

    fn parse(value: &str) -> Option<Armed> {
        let (name, on_hit) = match value.split_once('=') {
            Some((name, count)) => (name, count.trim().parse().unwrap_or(1)),
            None => (value, 1),
        };
        let name = name.trim().to_owned();
        (!name.is_empty()).then_some(Armed { name, on_hit, hits: AtomicU64::new(0) })
    }

    /// Kills the process if `name` is the armed point and this is the hit that counts.
    #[doc(hidden)]
    pub fn reach(name: &str) {
        let Some(armed) = &*ARMED else { return };
        if armed.name == name && armed.hits.fetch_add(1, Ordering::SeqCst) + 1 == armed.on_hit {
            kill();
        }
    }

    fn kill() -> ! {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        // The signal takes the process down before this returns, or in a moment.
        loop {
            std::thread::park();
        }
    }

    #[cfg(test)]
    mod tests {
        use super::parse;

        #[test]
        fn a_point_is_named_alone_or_with_the_hit_that_counts() {
            let read = |value| parse(value).map(|armed| (armed.name, armed.on_hit));
            assert_eq!(read("a.b"), Some(("a.b".to_owned(), 1)));
            assert_eq!(read("a.b=3"), Some(("a.b".to_owned(), 3)));
            assert_eq!(read(""), None);
        }
    }
}

#[cfg(feature = "testing")]
pub use armed::reach;
