//! What the sandbox operations ask of the API when its answers are of no use.

mod canned;
mod support;

use canned::{Answer, Server, json_answer, soon};
use daytona::catalogue::{self, Outcome, Subject};
use daytona::client::error::Result;
use daytona::client::sandbox::Sandbox;
use daytona::client::status;
use serde_json::{Value, json};
use support::{call, client, context};

async fn create(server: &Server, params: Value) -> Result<Sandbox> {
    let create = catalogue::find("sandbox.create").unwrap().call.unwrap();
    let call = catalogue::Call {
        subject: Subject::Client(client(&server.url(), json!({"apiKey": "k", "retries": 0}))),
        params: params.to_string().into_bytes(),
        context: context(),
    };
    match soon(create(call).unwrap()).await? {
        Outcome::Made(Subject::Sandbox(sandbox), _) => Ok(sandbox),
        _ => panic!("no sandbox"),
    }
}

#[tokio::test]
async fn a_create_that_failed_on_the_server_is_looked_up_by_its_own_name_and_by_no_other() {
    for code in ["500 X", "502 X", "503 X", "504 X"] {
        let server = Server::start(move |asked| {
            Answer::Keep(match asked.line.starts_with("POST") {
                true => json_answer(code, &json!({"message": "oops"})),
                false => json_answer("200 OK", &json!({"id": "sb-1", "name": "n", "state": "started"})),
            })
        })
        .await;
        assert_eq!(create(&server, json!({})).await.unwrap().id(), "sb-1");
        let asked = server.asked();
        let sent: Value = serde_json::from_slice(&asked[0].body).unwrap();
        assert!(
            asked[1].line.contains(&format!("/sandbox/{} ", sent["name"].as_str().unwrap())),
            "{asked:?}"
        );
        // A name of the caller's may be that of a sandbox that was there before.
        let error = create(&server, json!({"name": "mine"})).await.err().unwrap();
        assert_eq!(error.status().to_string(), code[..3]);
    }
}

#[tokio::test]
async fn a_toolbox_that_cannot_be_one_is_the_servers_fault_and_says_whose_it_is() {
    let server = Server::start(|_| Answer::Keep(json_answer("404 X", &json!({"message": "no"})))).await;
    let client = client(&server.url(), json!({"apiKey": "k", "retries": 0}));
    for url in ["nowhere", "ftp://127.0.0.1/x", "http://user:sesame@127.0.0.1/x"] {
        let sandbox = support::sandbox(&client, url).await;
        let error = soon(call(&sandbox, "session.list", json!({}))).await.unwrap_err();
        assert_eq!(error.status(), status::PROTOCOL);
        assert_eq!(error.detail().sandbox_id.as_deref(), Some(sandbox.id()));
        assert!(!error.detail().message.contains("sesame"), "{error:?}");
    }
}
