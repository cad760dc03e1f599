//! The programs that are measured: built, or installed with the versions that their files pin.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use harness::languages;

use crate::http::build::{dist, root};
use crate::progress::say;

/// A program, and what it is started with.
#[derive(Debug, Clone)]
pub struct Program {
    pub name: &'static str,
    pub path: PathBuf,
    pub arguments: Vec<OsString>,
}

/// All of them.
pub struct Programs {
    pub chassis: Program,
    pub lapin: Program,
    pub amqplib: Program,
    pub pika: Program,
}

impl Programs {
    /// Those that publish and consume.
    pub fn all(&self) -> [&Program; 4] {
        [&self.chassis, &self.lapin, &self.amqplib, &self.pika]
    }
}

/// Builds and installs them.
pub fn prepare() -> Result<Programs, String> {
    let root = root();
    let subjects = root.join("tests/benchmarks/subjects");
    let chassis = Program::alone("chassis", dist(&root, "subject-messaging-chassis")?);
    let lapin = Program::alone("lapin", dist(&root, "subject-messaging-lapin")?);
    say("installing amqplib and pika");
    let amqplib = languages::node(&subjects.join("messaging-amqplib"))?;
    let pika = subjects.join("messaging-pika");
    let python = languages::python(&pika.join("requirements.txt"))?;
    Ok(Programs {
        chassis,
        lapin,
        amqplib: Program::script("amqplib", amqplib.program, &amqplib.folder.join("main.mjs")),
        pika: Program::script("pika", python, &pika.join("main.py")),
    })
}

impl Program {
    fn alone(name: &'static str, path: PathBuf) -> Self {
        Self { name, path, arguments: Vec::new() }
    }

    fn script(name: &'static str, interpreter: PathBuf, script: &Path) -> Self {
        Self { name, path: interpreter, arguments: vec![script.into()] }
    }
}
