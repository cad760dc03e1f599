//! Dependencies inside the library point one way, as docs/architecture.md says.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What stands later may use what stands earlier; modules of one row do not use each other.
const LAYERS: &[&[&str]] = &[
    &["error", "failpoint", "sync"],
    &["config"],
    &["context"],
    &["telemetry"],
    &["health", "resilience", "data", "discovery"],
    &["http", "messaging", "jobs"],
    &["client"],
    &["contract"],
    &["app"],
    &["testing"],
];

fn rank(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The modules that a text names by `crate::…`, also inside of `crate::{…}`.
fn named(code: &str) -> BTreeSet<String> {
    let word = |text: &str| text.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect::<String>();
    let mut words = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        let Some(list) = rest.strip_prefix('{') else {
            words.insert(word(rest));
            continue;
        };
        let (mut depth, mut fresh) = (0, true);
        for (at, c) in list.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => fresh = true,
                _ if fresh && c.is_ascii_alphabetic() => {
                    words.insert(word(&list[at..]));
                    fresh = false;
                }
                _ => {}
            }
        }
    }
    words.retain(|word| rank(word).is_some());
    words
}

#[test]
fn dependencies_point_one_way() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../chassis/src");
    let mut wrong = BTreeSet::new();
    let mut seen = 0;
    for layer in LAYERS.iter().flat_map(|layer| layer.iter()) {
        let (folder, file) = (root.join(layer), root.join(format!("{layer}.rs")));
        let mut paths = Vec::new();
        if folder.is_dir() {
            files(&folder, &mut paths);
        } else {
            paths.push(file);
        }
        for path in paths {
            let text = fs::read_to_string(&path).expect("a file");
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            let lines = code.lines().map(|line| line.split("//").next().unwrap_or_default());
            for used in named(&lines.collect::<Vec<_>>().join("\n")) {
                seen += 1;
                if used != *layer && rank(&used) >= rank(layer) {
                    let path = path.strip_prefix(&root).unwrap_or(&path).display();
                    wrong.insert(format!("{path}: `{layer}` uses `{used}`"));
                }
            }
        }
    }
    assert!(seen > 100, "the test finds what it looks for");
    assert!(wrong.is_empty(), "\n{}", wrong.into_iter().collect::<Vec<_>>().join("\n"));
}

/// The names of what a package depends on, to run or to be tested.
fn dependencies(manifest: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(manifest).expect("a manifest");
    let mut inside = false;
    let mut names = BTreeSet::new();
    for line in text.lines() {
        if line.starts_with('[') {
            inside = line.ends_with("dependencies]");
        } else if inside && line.starts_with(|c: char| c.is_ascii_lowercase()) {
            names.extend(line.split(['.', ' ', '=']).next().map(str::to_owned));
        }
    }
    names
}

#[test]
fn the_services_of_the_shop_know_each_other_by_contracts_only() {
    const SERVICES: [&str; 6] = ["catalog", "inventory", "orders", "payments", "psp", "storefront"];
    /// What a call could be made with beside a contract.
    const CLIENTS: [&str; 4] = ["hyper", "hyper-util", "reqwest", "ureq"];
    let shop = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/shop");
    let mut wrong = Vec::new();
    let mut contracts = 0;
    for service in SERVICES {
        let used = dependencies(&shop.join(service).join("Cargo.toml"));
        assert!(used.contains("chassis"), "the test finds what it looks for: {used:?}");
        contracts += used.iter().filter(|name| name.ends_with("-contract")).count();
        for other in SERVICES.iter().filter(|other| **other != service) {
            wrong.extend([(*other).to_owned(), format!("shop-{other}")].into_iter().filter(|name| used.contains(name)));
        }
        wrong.extend(CLIENTS.map(str::to_owned).into_iter().filter(|name| used.contains(name)));
    }
    assert!(contracts > SERVICES.len(), "they call each other");
    assert!(wrong.is_empty(), "{wrong:?}");
}
