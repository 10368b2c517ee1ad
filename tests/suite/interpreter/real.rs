//! The interpreter through the client, with a real Python, against the dev server in both of its protocols.

use crate::fixture::Fixture;
use crate::support::open;
use daytona::client::status;
use daytona::client::stream::Channel;
use daytona_dev::Protocol;
use serde_json::{Value, json};

#[tokio::test]
async fn a_run_answers_its_output_and_exception_and_keeps_its_variables_in_both_protocols() {
    for fixture in Fixture::both().await {
        let code = "import os, sys\nx = 41\nprint('out', os.environ['K'])\nsys.stderr.write('err')";
        let ran =
            fixture.does("interpreter.run", json!({"code": code, "env": {"K": "v"}, "timeout": 60})).await;
        assert_eq!(ran, json!({"stdout": "out v\n", "stderr": "err", "error": null}));
        let ran =
            fixture.does("interpreter.run", json!({"code": "print(x + 1)\nraise ValueError('boom')"})).await;
        assert_eq!((&ran["stdout"], &ran["error"]["name"]), (&json!("42\n"), &json!("ValueError")));
        assert_eq!(ran["error"]["value"], "boom");

        let context = fixture.does("interpreter.create_context", json!({"cwd": "/tmp"})).await;
        let id = context["id"].clone();
        let params = json!({"code": "import os; print('x' in globals(), os.getcwd())", "contextId": id});
        assert_eq!(fixture.does("interpreter.run", params.clone()).await["stdout"], "False /tmp\n");
        let contexts = fixture.does("interpreter.list_contexts", json!({})).await;
        assert_eq!(contexts["contexts"][0]["id"], id);
        assert_eq!(fixture.does("interpreter.delete_context", json!({"id": id})).await, Value::Null);
        let error = fixture.call("interpreter.run", params).await.unwrap_err();
        assert_eq!(error.status(), status::HTTP_NOT_FOUND);
    }
}

#[tokio::test]
async fn a_stream_has_the_channels_apart() {
    let fixture = Fixture::new().await;
    let code = "import sys\nprint('out')\nprint('err', file=sys.stderr)\n1/0";
    let running = open(&fixture.sandbox, "interpreter.run", json!({"code": code})).unwrap();
    let sink = running.sink.clone();
    let ended = running.ended().await.unwrap();
    assert_eq!((sink.stdout(), sink.stderr()), (b"out\n".to_vec(), b"err\n".to_vec()));
    let error: Value = serde_json::from_slice(&sink.of(Channel::Structured)).unwrap();
    assert_eq!(error["name"], "ZeroDivisionError");
    assert_eq!(ended["bytes"], json!(sink.all().len()));
}

#[tokio::test]
async fn a_timeout_leaves_the_context_as_it_was_in_both_protocols() {
    for fixture in Fixture::both().await {
        fixture.does("interpreter.run", json!({"code": "x = 1\nimport time"})).await;
        let sleeps = json!({"code": "time.sleep(1000)", "timeout": 0.5});
        let error = fixture.call("interpreter.run", sleeps).await.unwrap_err();
        assert_eq!(error.status(), status::HTTP_REQUEST_TIMEOUT);
        assert!(error.detail().message.contains("keeps its variables"), "{error:?}");
        assert_eq!(fixture.does("interpreter.run", json!({"code": "print(x)"})).await["stdout"], "1\n");
    }
}

#[tokio::test]
async fn a_worker_that_ended_is_said_and_its_silence_too() {
    let fixture = Fixture::of(Protocol::V0_190, json!({})).await;
    let exits = json!({"code": "import os; os._exit(3)"});
    let error = fixture.call("interpreter.run", exits).await.unwrap_err();
    assert_eq!((error.status(), error.detail().code.as_deref()), (status::HTTP_GONE, Some("SESSION_ENDED")));
    let error = fixture.call("interpreter.run", json!({"code": "print(1)", "timeout": 1})).await.unwrap_err();
    assert_eq!(error.status(), status::TIMEOUT);
    assert!(error.detail().message.contains("create another context"), "{error:?}");
}

#[tokio::test]
async fn a_result_is_bounded_by_max_result_bytes() {
    let fixture = Fixture::of(Protocol::V0_205, json!({"maxResultBytes": 1 << 20})).await;
    let code = json!({"code": "for i in range(100): print('x' * 100_000)"});
    let error = fixture.call("interpreter.run", code.clone()).await.unwrap_err();
    assert_eq!(error.status(), status::PROTOCOL);
    let running = open(&fixture.sandbox, "interpreter.run", code).unwrap();
    let sink = running.sink.clone();
    running.ended().await.unwrap();
    assert_eq!(sink.stdout().len(), 100 * 100_001);
}

#[tokio::test]
async fn a_hundred_megabytes_arrive_whole() {
    let fixture = Fixture::new().await;
    let code = json!({"code": "for i in range(100): print('x' * 999_999)"});
    let running = open(&fixture.sandbox, "interpreter.run", code).unwrap();
    let sink = running.sink.clone();
    let ended = running.ended().await.unwrap();
    assert_eq!(ended["bytes"], 100_000_000);
    assert_eq!(sink.chunks().iter().map(|chunk| chunk.data.len()).sum::<usize>(), 100_000_000);
}

#[tokio::test]
async fn code_that_never_prints_exits_or_forks_ends_once_in_both_protocols() {
    for fixture in Fixture::both().await {
        let nothing = json!({"stdout": "", "stderr": "", "error": null});
        let silent = json!({"code": "import time; time.sleep(2)"});
        assert_eq!(fixture.does("interpreter.run", silent).await, nothing);
        let exits = json!({"code": "import sys; sys.exit(3)"});
        assert_eq!(fixture.does("interpreter.run", exits).await, nothing);
        let forks = "import os\nchild = os.fork()\nif child:\n    print(os.waitpid(child, 0)[1])";
        assert_eq!(fixture.does("interpreter.run", json!({"code": forks})).await["stdout"], "0\n");
        // The context is the parent's still.
        let ran = fixture.does("interpreter.run", json!({"code": "print(child > 0)"})).await;
        assert_eq!(ran["stdout"], "True\n");
    }
}
