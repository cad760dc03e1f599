//! Ports that stay free while they are held, also while their server is down.

use std::fs::{File, OpenOptions, TryLockError};
use std::net::{Ipv4Addr, TcpListener};

/// Below the range from which the system takes the ports of outgoing connections (32768 and up), so that none of those
/// can come to sit on the port of a server that is being restarted.
const RANGE: std::ops::Range<u16> = 20_000..32_000;

/// A port on 127.0.0.1 that no other test takes while this is held.
///
/// A port of the system's choice (port 0) would do for servers that listen at once and never stop.
#[derive(Debug)]
pub struct Port {
    number: u16,
    _lock: File,
}

impl Port {
    /// Holds a free port.
    pub fn free() -> Self {
        let folder = std::env::temp_dir().join("chassis-test-ports");
        std::fs::create_dir_all(&folder)
            .unwrap_or_else(|error| panic!("cannot make the folder {}: {error}", folder.display()));
        for _ in 0..10_000 {
            let number = fastrand::u16(RANGE);
            let file =
                OpenOptions::new().write(true).create(true).truncate(false).open(folder.join(number.to_string()));
            // Another user's file: that user's port.
            let Ok(lock) = file else { continue };
            match lock.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => continue,
                Err(TryLockError::Error(error)) => panic!("cannot lock a file in {}: {error}", folder.display()),
            }
            if TcpListener::bind((Ipv4Addr::LOCALHOST, number)).is_ok() {
                return Self { number, _lock: lock };
            }
        }
        panic!("no free port between {} and {}", RANGE.start, RANGE.end)
    }

    /// Its number.
    pub fn number(&self) -> u16 {
        self.number
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_port_is_given_twice() {
        let ports: Vec<Port> = (0..200).map(|_| Port::free()).collect();
        let numbers: HashSet<u16> = ports.iter().map(Port::number).collect();
        assert_eq!(numbers.len(), 200);
    }
}
