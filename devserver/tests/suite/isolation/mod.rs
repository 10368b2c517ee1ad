//! What a sandbox cannot do to the machine or to another sandbox. Nothing here runs without isolation: a
//! test that cannot have it prints that it was skipped, and `tests/run` counts it as left out: CI fails.

mod copies;
mod crash;
mod escapes;
mod files;
mod limits;
mod pause;
mod plans;

use crate::client::{DevServer, Sandbox};
use daytona_dev::{Options, Wanted};
use serde_json::json;
use std::path::PathBuf;
use tempfile::TempDir;

/// An isolated server, or a printed line that says why there is none.
async fn isolated(test: &str) -> Option<DevServer> {
    let options = Options { isolation: Wanted::Required, ..Options::default() };
    match daytona_dev::Server::start(options).await {
        Ok(server) => Some(DevServer::around(server)),
        Err(error) => {
            println!("= isolation: {test} skipped: {error}");
            None
        }
    }
}

/// A directory of the machine with a secret in it, where a sandbox may not look.
struct Secret {
    directory: TempDir,
}

const CONTENT: &str = "the machine's own secret 5f1c";

impl Secret {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("secret"), CONTENT).unwrap();
        Self { directory }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("secret")
    }

    fn assert_unharmed(&self) {
        assert_eq!(std::fs::read_to_string(self.path()).unwrap(), CONTENT);
        assert_eq!(std::fs::read_dir(self.directory.path()).unwrap().count(), 1);
    }
}

/// A file of the machine that sandboxes see, wherever the clone lies, and may change for themselves alone.
const SHOWN: &str = "/etc/passwd";

impl Sandbox<'_> {
    /// Runs a command; its exit code and output.
    async fn executes(&self, command: &str) -> (i64, String) {
        let (status, answer) = self.post("/process/execute", json!({ "command": command })).await;
        assert_eq!(status, 200, "{command}: {answer}");
        (answer["exitCode"].as_i64().unwrap(), answer["result"].as_str().unwrap().to_owned())
    }

    /// The output of a command that succeeds.
    async fn output(&self, command: &str) -> String {
        let (code, output) = self.executes(command).await;
        assert_eq!(code, 0, "{command}: {output}");
        output.trim_end().to_owned()
    }
}
