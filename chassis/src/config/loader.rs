use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::environment::{self, PROFILE, SECRETS};
use super::file::{self, Text};
use super::layer::{Entries, Origins};
use super::tree::Node;
use super::{Config, Faults, Origin};

/// The profile when nobody chose one.
const PRODUCTION: &str = "production";

/// Collects the layers of a [`Config`]. Their order is fixed, whatever the order of the calls here.
#[derive(Debug, Clone, Default)]
#[must_use = "nothing is read before `load`"]
pub struct Loader {
    defaults: Vec<String>,
    directory: Option<PathBuf>,
    profile: Option<String>,
    files: Vec<PathBuf>,
    secrets: Option<PathBuf>,
    environment: Vec<(String, String)>,
    arguments: Vec<String>,
}

impl Loader {
    /// Adds defaults, as TOML: the lowest layer. Later ones win over earlier ones.
    pub fn defaults(mut self, toml: &str) -> Self {
        self.defaults.push(toml.to_owned());
        self
    }

    /// Reads `default.toml` and `{profile}.toml` from this directory, as far as they are there.
    pub fn directory(mut self, path: impl Into<PathBuf>) -> Self {
        self.directory = Some(path.into());
        self
    }

    /// Chooses the profile; otherwise the variable `CHASSIS_PROFILE` does, otherwise it is `production`.
    pub fn profile(mut self, profile: Option<String>) -> Self {
        self.profile = profile;
        self
    }

    /// Reads a file that must be there. Later ones win over earlier ones.
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.files.push(path.into());
        self
    }

    /// Reads a directory of secret files, as it is mounted into a container: each holds one value and is named after its
    /// key, `database.url` or `database__url`. Otherwise the variable `CHASSIS_SECRETS` names it, otherwise there is none.
    pub fn secrets(mut self, path: impl Into<PathBuf>) -> Self {
        self.secrets = Some(path.into());
        self
    }

    /// Reads environment variables, usually [`std::env::vars`].
    pub fn environment(mut self, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        self.environment.extend(variables);
        self
    }

    /// Reads arguments of the form `http.port=8080`.
    pub fn arguments(mut self, arguments: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Reads and merges the layers.
    ///
    /// # Errors
    /// Every file that is missing, cannot be read or is no TOML, and every argument that is none.
    pub fn load(self) -> Result<Config, Faults> {
        let mut loading = Loading::default();
        let profile = self.chosen_profile(&mut loading.faults);
        for toml in &self.defaults {
            loading.toml(&Text::Default, toml);
        }
        if let Some(directory) = &self.directory {
            loading.file(&directory.join("default.toml"), false);
            loading.file(&directory.join(format!("{profile}.toml")), false);
        }
        for path in &self.files {
            loading.file(path, true);
        }
        if let Some(path) = self.secrets.as_deref().or_else(|| self.variable(SECRETS).map(Path::new)) {
            loading.secrets(path);
        }
        let variables = environment::entries(&self.environment, &mut loading.origins, &mut loading.faults);
        loading.add(variables);
        loading.arguments(&self.arguments);
        loading.finish(profile)
    }

    fn variable(&self, name: &str) -> Option<&str> {
        self.environment.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    fn chosen_profile(&self, faults: &mut Faults) -> String {
        let profile = self.profile.as_deref().or_else(|| self.variable(PROFILE)).unwrap_or(PRODUCTION);
        // It becomes part of a file's name.
        if profile.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')) && !profile.is_empty() {
            return profile.to_owned();
        }
        let origin = if self.profile.is_some() { Origin::Argument } else { Origin::Variable(PROFILE.into()) };
        faults.add("", format!("{profile:?} is no profile: use letters, digits, - and _")).at(Some(origin));
        PRODUCTION.to_owned()
    }
}

#[derive(Default)]
struct Loading {
    builder: config::ConfigBuilder<config::builder::DefaultState>,
    origins: Origins,
    faults: Faults,
}

impl Loading {
    fn add(&mut self, source: impl config::Source + Send + Sync + 'static) {
        self.builder = std::mem::take(&mut self.builder).add_source(source);
    }

    fn toml(&mut self, name: &Text, text: &str) {
        if let Some(tables) = file::parse(name, text, &mut self.origins, &mut self.faults) {
            self.add(tables);
        }
    }

    fn file(&mut self, path: &Path, required: bool) {
        match std::fs::read_to_string(path) {
            Ok(text) => self.toml(&Text::file(path), &text),
            Err(error) if error.kind() == ErrorKind::NotFound && !required => {}
            Err(error) => {
                self.faults.add("", format!("the file {} cannot be read: {error}", path.display()));
            }
        }
    }

    fn secrets(&mut self, directory: &Path) {
        let names = std::fs::read_dir(directory).and_then(|entries| {
            entries
                .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
                .collect::<std::io::Result<Vec<_>>>()
        });
        let mut names = match names {
            Ok(names) => names,
            Err(error) => {
                let message = format!("the directory of secrets {} cannot be read: {error}", directory.display());
                self.faults.add("", message);
                return;
            }
        };
        names.sort_unstable();
        let mut entries = Vec::new();
        // Kubernetes keeps its own links there, whose names begin with a dot.
        for name in names.iter().filter(|name| !name.starts_with('.')) {
            let path = directory.join(name);
            let origin = Origin::Secret(path.display().to_string().into());
            match std::fs::read_to_string(&path) {
                Ok(text) => {
                    let key = name.to_lowercase().replace("__", ".").split('.').map(str::to_owned).collect();
                    let text = text.strip_suffix('\n').unwrap_or(&text);
                    entries.push((key, self.origins.value(origin, text.strip_suffix('\r').unwrap_or(text))));
                }
                Err(_) if path.is_dir() => {}
                Err(error) => {
                    self.faults.add("", format!("the secret cannot be read: {error}")).at(Some(origin));
                }
            }
        }
        self.add(Entries(entries));
    }

    fn arguments(&mut self, arguments: &[String]) {
        let mut entries = Vec::new();
        for argument in arguments {
            match argument.split_once('=') {
                Some((key, value)) if key.split('.').all(|part| !part.trim().is_empty()) => {
                    let path = key.split('.').map(|part| part.trim().to_owned()).collect();
                    entries.push((path, self.origins.value(Origin::Argument, value)));
                }
                // Only up to the =, for the value may be a secret.
                other => {
                    let shown = other.map_or(argument.as_str(), |(key, _)| key);
                    let message = format!("{shown:?} sets nothing");
                    self.faults.add("", message).at(Some(Origin::Argument)).hint("write it as section.key=value");
                }
            }
        }
        self.add(Entries(entries));
    }

    fn finish(mut self, profile: String) -> Result<Config, Faults> {
        let root = match self.builder.build() {
            Ok(merged) => self.origins.resolve(merged.cache),
            Err(error) => {
                self.faults.add("", error.to_string());
                Node::empty()
            }
        };
        self.faults.or(Config::new(root, profile))
    }
}
