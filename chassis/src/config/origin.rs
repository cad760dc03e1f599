use std::fmt;
use std::sync::Arc;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Origin {
    /// The program itself.
    Default,
    /// A line of a file, counted from one.
    File {
        /// The file's path as it was looked for.
        path: Arc<str>,
        /// The line that names the key.
        line: usize,
    },
    /// A file that holds one secret value.
    Secret(Arc<str>),
    /// An environment variable.
    Variable(Arc<str>),
    /// An argument of the program.
    Argument,
}

impl Origin {
    /// Whether it knows text only, so that numbers and lists must be read out of it.
    pub(super) fn is_text(&self) -> bool {
        matches!(self, Self::Secret(_) | Self::Variable(_) | Self::Argument)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{path}:{line}"),
            Self::Secret(path) => write!(f, "secret file {path}"),
            Self::Variable(name) => write!(f, "environment variable {name}"),
            Self::Argument => f.write_str("command line"),
        }
    }
}
