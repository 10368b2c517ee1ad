//! Why a container could not be made: the step, and the kernel's reason.

use std::fmt;
use std::path::Path;

#[derive(Debug)]
pub struct Failure(pub String);

pub type Step<T> = Result<T, Failure>;

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names the step that failed.
pub trait During<T> {
    fn during(self, step: &str) -> Step<T>;
    fn at(self, step: &str, path: &Path) -> Step<T>;
}

impl<T, E: fmt::Display> During<T> for Result<T, E> {
    fn during(self, step: &str) -> Step<T> {
        self.map_err(|error| Failure(format!("{step}: {error}")))
    }

    fn at(self, step: &str, path: &Path) -> Step<T> {
        self.map_err(|error| Failure(format!("{step} {}: {error}", path.display())))
    }
}
