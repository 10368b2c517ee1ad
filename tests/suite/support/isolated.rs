//! A test that needs a process of its own: its environment, its directory, or the process's one log.

use std::process::Command;

/// Set in that process.
const ISOLATED: &str = "DAYTONA_ISOLATED_TEST";

/// Runs `body` in another process of this test binary, where it is the only test. `test` is the calling test's
/// full name; `prepare` may change the other process's environment and directory.
pub fn isolated(test: &str, prepare: impl FnOnce(&mut Command), body: impl FnOnce()) {
    if std::env::var_os(ISOLATED).is_some() {
        return body();
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test]);
    prepare(&mut command);
    let output = command.env(ISOLATED, "1").output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && printed.contains("1 passed"), "{printed}");
}
