//! Paused sandboxes: nothing happens in them, and they go on where they were.

use super::plans;
use serde_json::json;
use std::time::Duration;

/// What a process of the sandbox counts up for as long as it goes on.
const COUNT: &str = "setsid bash -c 'n=0; while :; do n=$((n+1)); echo $n >count.new; mv count.new count; sleep 0.01; done' \
     >/dev/null 2>&1 </dev/null & while ! test -s count; do sleep 0.01; done";

#[tokio::test]
async fn a_paused_sandbox_stands_still_and_goes_on() {
    for (plan, dev_server) in plans::servers("pause").await {
        let sandbox = dev_server.sandbox().await;
        // One that had stopped by itself stays so.
        let stopped =
            "sleep 9753 >/dev/null 2>&1 & until pgrep -xf 'sleep 9753'; do sleep 0.01; done; kill -STOP $!";
        sandbox.output(stopped).await;
        sandbox.output(COUNT).await;
        let path = format!("/sandbox/{}", sandbox.id);
        let (status, answer) = dev_server.post(&format!("{path}/pause"), json!({})).await;
        assert_eq!((status, &answer["state"]), (200, &json!("pausing")), "{plan}: {answer}");
        assert_eq!(answer["desiredState"], "paused");
        dev_server.wait_for(&sandbox.id, "paused").await;
        let refused = sandbox.post("/process/execute", json!({ "command": "true" })).await;
        assert_eq!(refused.0, 400, "{plan}: {}", refused.1);
        let outside = daytona_dev::outside::Outside::of(&dev_server.server, &sandbox.id).unwrap();
        let count = || std::fs::read_to_string(outside.path("/home/daytona/count")).unwrap();
        let before = count();
        // Twenty rounds of the loop.
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(count(), before, "{plan}");
        assert_eq!(dev_server.post(&format!("{path}/pause"), json!({})).await.0, 400);

        let (status, answer) = dev_server.post(&format!("{path}/start"), json!({})).await;
        assert_eq!((status, &answer["state"]), (200, &json!("paused")), "{plan}: {answer}");
        dev_server.wait_for(&sandbox.id, "started").await;
        let grown = format!("while test $(cat count) -le {}; do sleep 0.01; done", before.trim());
        sandbox.output(&grown).await;
        let stopped = "sed -n 's/^State:\\t\\(.\\).*/\\1/p' /proc/$(pgrep -xf 'sleep 9753')/status";
        assert_eq!(sandbox.output(stopped).await, "T", "{plan}");
    }
}

#[tokio::test]
async fn a_paused_sandbox_can_be_stopped_and_deleted() {
    for (plan, dev_server) in plans::servers("the end of a paused sandbox").await {
        let sandbox = dev_server.sandbox().await;
        sandbox.output(COUNT).await;
        let path = format!("/sandbox/{}", sandbox.id);
        dev_server.post(&format!("{path}/pause"), json!({})).await;
        dev_server.wait_for(&sandbox.id, "paused").await;
        assert_eq!(dev_server.post(&format!("{path}/stop"), json!({})).await.0, 200, "{plan}");
        dev_server.wait_for(&sandbox.id, "stopped").await;
        dev_server.post(&format!("{path}/start"), json!({})).await;
        dev_server.wait_for(&sandbox.id, "started").await;
        dev_server.post(&format!("{path}/pause"), json!({})).await;
        dev_server.wait_for(&sandbox.id, "paused").await;
        dev_server.delete(&path).await;
        crate::client::until("it is gone", async || dev_server.get(&path).await.0 == 404).await;
    }
}

#[tokio::test]
async fn without_isolation_nothing_is_paused_or_copied() {
    let options = daytona_dev::Options { isolation: daytona_dev::Wanted::None, ..Default::default() };
    let server = daytona_dev::Server::start(options).await.unwrap();
    let dev_server = crate::client::DevServer::around(server);
    let sandbox = dev_server.sandbox().await;
    for (call, body) in [("pause", json!({})), ("fork", json!({})), ("snapshot", json!({ "name": "x" }))] {
        let (status, answer) = dev_server.post(&format!("/sandbox/{}/{call}", sandbox.id), body).await;
        assert_eq!(status, 422, "{call}: {answer}");
        assert!(answer["message"].as_str().unwrap().contains("isolation"), "{answer}");
    }
    assert_eq!(dev_server.get(&format!("/sandbox/{}", sandbox.id)).await.1["state"], "started");
}
