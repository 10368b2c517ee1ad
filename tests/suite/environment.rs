//! What the library does with the directory that a program happens to run in: nothing.

use crate::support::isolated;
use daytona::client::Client;
use daytona::client::status;

#[test]
fn no_file_of_the_directory_decides_where_the_credential_goes() {
    let directory = tempfile::tempdir().unwrap();
    for name in [".env", ".env.local"] {
        let content = "DAYTONA_API_KEY=from-a-file\nDAYTONA_API_URL=http://elsewhere.example\n";
        std::fs::write(directory.path().join(name), content).unwrap();
    }
    isolated(
        "environment::no_file_of_the_directory_decides_where_the_credential_goes",
        |command| {
            command.env_clear().current_dir(directory.path());
        },
        || {
            let error = Client::from_env().err().expect("no key from anywhere");
            assert_eq!(error.status(), status::CONFIGURATION, "{error}");
            assert!(error.to_string().contains("DAYTONA_API_KEY"), "{error}");
        },
    );
}
