//! A real git host behind TLS whose certificate no authority of the sandbox has signed.

use crate::canned::tls::Authority;
use crate::fixture::Fixture;
use crate::git_host::{GitHost, PASSWORD, USERNAME};
use daytona::client::status;
use daytona_dev::Protocol;
use serde_json::{Value, json};

/// The setting `http.sslVerify`, wherever the sandbox's git finds one.
async fn verification(fixture: &Fixture) -> Value {
    fixture.executes("git -C r config --show-origin --get-regexp 'http.*sslverify'").await["result"].clone()
}

#[tokio::test]
async fn an_unknown_certificate_fails_a_clone_unless_it_skips_the_check_and_nothing_of_it_stays() {
    for (protocol, fixture) in crate::dev_server::BOTH.into_iter().zip(Fixture::both().await) {
        let host = GitHost::start();
        let secure = Authority::new().relay("localhost", host.address.parse().unwrap()).await;
        let clone = json!({
            "url": format!("{}/auth/bare.git", secure.url()),
            "path": "r",
            "username": USERNAME,
            "password": PASSWORD,
        });
        for given in [None, Some(false)] {
            let mut params = clone.clone();
            if let Some(skip) = given {
                params["insecureSkipTls"] = json!(skip);
            }
            let error = fixture.call("git.clone", params).await.unwrap_err();
            let detail = error.detail();
            // 0.190 has one status and code for all that its git reports.
            let expected = match protocol {
                Protocol::V0_205 | Protocol::V0_226 => (status::HTTP_BAD_GATEWAY, "GIT_TRANSPORT_FAILED"),
                Protocol::V0_190 => (status::HTTP_INTERNAL_SERVER, "INTERNAL_SERVER_ERROR"),
            };
            assert_eq!((detail.status, detail.code.as_deref()), (expected.0, Some(expected.1)), "{error:?}");
            assert!(detail.message.contains("certificate"), "{error:?}");
            assert!(!detail.message.contains(PASSWORD), "{error:?}");
            // The credential was not sent either.
            assert_eq!(secure.used(), 0);
            assert!(!fixture.home.join("r").exists());
        }
        let mut params = clone.clone();
        params["insecureSkipTls"] = json!(true);
        fixture.does("git.clone", params).await;
        assert!(secure.used() > 0);
        assert_eq!(std::fs::read_to_string(fixture.home.join("r/f.txt")).unwrap(), "one\n");
        assert_eq!(verification(&fixture).await, "");
        let config = std::fs::read_to_string(fixture.home.join("r/.git/config")).unwrap();
        assert!(!config.contains(PASSWORD), "{config}");
        // The check is skipped for that clone alone.
        let credentials = json!({"path": "r", "username": USERNAME, "password": PASSWORD});
        let used = secure.used();
        for operation in ["git.pull", "git.push"] {
            let error = fixture.call(operation, credentials.clone()).await.unwrap_err();
            assert!(error.detail().message.contains("certificate"), "{error:?}");
        }
        assert_eq!(secure.used(), used);
    }
}
