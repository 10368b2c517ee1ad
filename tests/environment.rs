//! What the library does with the directory that a program happens to run in: nothing.

use daytona::client::Client;
use daytona::client::status;
use std::process::Command;

const TEST: &str = "no_file_of_the_directory_decides_where_the_credential_goes";
/// Set in the process that has the files and no other environment.
const INSIDE: &str = "INSIDE_A_DIRECTORY_WITH_FILES";

#[test]
fn no_file_of_the_directory_decides_where_the_credential_goes() {
    if std::env::var_os(INSIDE).is_some() {
        let error = Client::from_env().err().expect("no key from anywhere");
        assert_eq!(error.status(), status::CONFIGURATION, "{error}");
        assert!(error.to_string().contains("DAYTONA_API_KEY"), "{error}");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    for name in [".env", ".env.local"] {
        let content = "DAYTONA_API_KEY=from-a-file\nDAYTONA_API_URL=http://elsewhere.example\n";
        std::fs::write(directory.path().join(name), content).unwrap();
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", TEST])
        .env_clear()
        .env(INSIDE, "1")
        .current_dir(directory.path())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && told.contains("1 passed"), "{told}");
}
