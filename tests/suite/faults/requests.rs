//! Small calls: a POST that acts, and the GETs that only look.

use super::case::{Fails, Matrix, Promise, Truth, fault, fixture, lets_act, limit_ms, of_one_request};
use crate::fixture::Fixture;
use crate::support;
use daytona::client::status;
use serde_json::json;

fn effects(fixture: &Fixture) -> usize {
    std::fs::read_to_string(fixture.home.join("effects")).map_or(0, |text| text.lines().count())
}

#[tokio::test]
async fn a_small_call_is_never_repeated_nor_a_wrong_success() {
    let fixture = fixture().await;
    let mut matrix = Matrix::default();
    let execute = async |limit: u64| {
        let command = json!({"command": "echo ran >> effects; echo out", "timeoutMs": limit});
        fixture.call("process.execute", command).await
    };
    let truth = execute(limit_ms(Truth)).await.unwrap();
    assert_eq!(truth, json!({"exitCode": 0, "result": "out\n"}));
    for (kind, promise) in of_one_request(false) {
        let before = effects(&fixture);
        let fault = fault(kind, "/process/execute", Some(1));
        let run = async || execute(limit_ms(promise)).await;
        let error = matrix.case(&fixture, "process.execute", &fault, promise, &truth, run).await;
        let acted = usize::from(matches!(promise, Truth) || lets_act(kind));
        support::until(&fault, async || effects(&fixture) - before >= acted).await;
        let ran = effects(&fixture) - before;
        matrix.check(ran == acted, || format!("{fault}: it ran {ran} times, not {acted}"));
        let named =
            error.is_none_or(|error| error.detail().sandbox_id.as_deref() == Some(fixture.sandbox.id()));
        matrix.check(named, || format!("{fault}: the error does not name the sandbox"));
    }
    matrix.end();
}

#[tokio::test]
async fn a_question_is_repeated_until_it_is_answered() {
    let fixture = fixture().await;
    let mut matrix = Matrix::default();
    fixture.put("there", "x");
    let id = fixture.sandbox.id().to_owned();
    for (operation, path) in
        [("files.list", "/files"), ("sandbox.get", "/api/sandbox/"), ("sandbox.list", "/api/sandbox")]
    {
        // What does not change by itself.
        let ask = async |limit: u64| match operation {
            "files.list" => {
                let list = fixture.call(operation, json!({"path": ".", "timeoutMs": limit})).await?;
                Ok(json!([list[0]["name"], list.as_array().unwrap().len()]))
            }
            "sandbox.get" => {
                let found = fixture.sandbox(operation, json!({"idOrName": id, "timeoutMs": limit})).await?.1;
                Ok(json!([found["id"], found["state"]]))
            }
            _ => {
                let list = fixture.json(operation, json!({"timeoutMs": limit})).await?;
                let items = list["items"].as_array().expect("items");
                Ok(json!([items.len(), items[0]["id"], list["nextCursor"]]))
            }
        };
        let truth = ask(limit_ms(Truth)).await.unwrap();
        for (kind, promise) in of_one_request(true) {
            let run = async || ask(limit_ms(promise)).await;
            matrix.case(&fixture, operation, &fault(kind, path, Some(1)), promise, &truth, run).await;
        }
        // Twice is still within the two repetitions; for ever is an error that counts the attempts.
        let lasting: [(&str, Promise); 4] = [
            ("cut", Fails(status::CONNECTION)),
            ("cut-body=1", Fails(status::CONNECTION)),
            ("status=503", Fails(503)),
            ("empty=502", Fails(502)),
        ];
        for (kind, promise) in lasting {
            let ask = async || ask(limit_ms(promise)).await;
            matrix.case(&fixture, operation, &fault(kind, path, Some(2)), Truth, &truth, ask).await;
            let error =
                matrix.case(&fixture, operation, &fault(kind, path, None), promise, &truth, ask).await;
            let attempts = error.map(|error| error.detail().attempts);
            matrix.check(attempts == Some(3), || format!("{operation} {kind}: {attempts:?} attempts"));
        }
    }
    matrix.end();
}

#[tokio::test]
async fn a_hundred_posts_against_a_server_that_closes_idle_connections_all_succeed() {
    let fixture = fixture().await;
    for number in 0..100 {
        let closes = number % 2 == 0;
        if closes {
            fixture.server.fault("close-idle=40@/process/execute*1");
        }
        let command = json!({"command": "echo ran >> effects"});
        let answer = fixture.call("process.execute", command).await;
        assert!(answer.is_ok(), "POST {number}: {}", answer.unwrap_err());
        // Every other time closed meanwhile; never just as it is used, which no client can know.
        if closes {
            fixture.until_idle_is_closed().await;
        }
    }
    assert_eq!(effects(&fixture), 100);
}
