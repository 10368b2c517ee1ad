//! Access to sandboxes and their settings: SSH tokens, network, secrets, metrics, and what happens as time passes.

use crate::client::{DevServer, until};
use daytona_dev::{Options, Protocol};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// A minute of the intervals in these tests.
const MINUTE: Duration = Duration::from_millis(400);

async fn with_short_minutes() -> DevServer {
    DevServer::with(Options { minute: Some(MINUTE), ..Options::default() }).await
}

async fn put(dev_server: &DevServer, path: &str, body: Value) -> (u16, Value) {
    let sent = dev_server.request(Method::PUT, path).json(&body).send().await;
    crate::client::status_and_body(sent.unwrap()).await
}

#[tokio::test]
async fn an_ssh_token_is_valid_until_it_is_revoked_replaced_or_over() {
    let dev_server = with_short_minutes().await;
    let (_, made) = dev_server.post("/sandbox", json!({"autoStopInterval": 0})).await;
    let id = made["id"].as_str().unwrap();
    let path = format!("/sandbox/{id}/ssh-access");
    let valid = async |token: &str| {
        let answer = dev_server.get(&format!("/sandbox/ssh-access/validate?token={token}")).await.1;
        let known = if answer["valid"] == true { json!(id) } else { Value::Null };
        assert_eq!(answer["sandboxId"], known, "{answer}");
        answer["valid"] == true
    };
    let make = async |query: &str| dev_server.post(&format!("{path}{query}"), json!({})).await.1;
    let first = make("?expiresInMinutes=100000").await;
    let token = first["token"].as_str().unwrap();
    assert!(first["sshCommand"].as_str().unwrap().contains(token), "{first}");
    assert!(first["expiresAt"].as_str() > first["createdAt"].as_str(), "{first}");
    assert!(valid(token).await && !valid("nonsense").await && !valid("").await);
    let second = make("?expiresInMinutes=100000").await;
    let second = second["token"].as_str().unwrap();
    assert!(valid(second).await && !valid(token).await, "a new token ends the earlier one");
    dev_server.delete(&format!("{path}?token=nonsense")).await;
    assert!(valid(second).await);
    assert_eq!(dev_server.delete(&format!("{path}?token={second}")).await.1["id"], json!(id));
    assert!(!valid(second).await);
    let short = make("?expiresInMinutes=1").await;
    let short = short["token"].as_str().unwrap();
    until("it is over", async || !valid(short).await).await;
    assert_eq!(dev_server.post(&format!("{path}?expiresInMinutes=0"), json!({})).await.0, 400);
}

#[tokio::test]
async fn the_older_service_keeps_what_it_does_not_have_to_itself() {
    let dev_server = DevServer::of(Protocol::V0_190).await;
    let id = dev_server.sandbox().await.id;
    let (status, answer) = dev_server.get("/sandbox/ssh-access/validate?token=x").await;
    assert_eq!((status, &answer["message"]), (403, &json!("Invalid authentication context")));
    for (method, rest) in [
        (Method::GET, "signing-key"),
        (Method::POST, "signing-key/rotate"),
        (Method::PUT, "secrets"),
        (Method::POST, "ttl/1"),
        (Method::POST, "autopause/1"),
    ] {
        let path = format!("/sandbox/{id}/{rest}");
        let sent = dev_server.request(method.clone(), &path).json(&json!({})).send().await.unwrap();
        let (status, answer) = crate::client::status_and_body(sent).await;
        assert_eq!((status, &answer["message"]), (404, &json!(format!("Cannot {method} /api{path}"))));
    }
    assert_eq!(dev_server.post(&format!("/sandbox/{id}/last-activity"), json!({})).await.0, 201);
}

#[tokio::test]
async fn network_settings_are_checked_and_exclude_each_other() {
    let dev_server = DevServer::new().await;
    let path = format!("/sandbox/{}/network-settings", dev_server.sandbox().await.id);
    let set = async |body: Value| dev_server.post(&path, body).await;
    for wrong in [
        json!({}),
        json!({"networkBlockAll": "yes"}),
        json!({"networkAllowList": "10.0.0.0"}),
        json!({"networkAllowList": "10.0.0.0/33"}),
        json!({"networkAllowList": "nowhere/8"}),
        json!({"networkAllowList": ["10.0.0.0/8"]}),
        json!({"networkAllowList": "10.0.0.0/8,".repeat(11)}),
        json!({"domainAllowList": "-x.org"}),
        json!({"domainAllowList": "localhost"}),
    ] {
        assert_eq!(set(wrong.clone()).await.0, 400, "{wrong}");
        if wrong != json!({}) {
            assert_eq!(dev_server.post("/sandbox", wrong.clone()).await.0, 400, "create {wrong}");
        }
    }
    let blocked = set(json!({"networkBlockAll": true})).await.1;
    assert_eq!(blocked["networkBlockAll"], true);
    let listed = set(json!({"networkAllowList": "10.0.0.0/8, 1.2.3.4/32"})).await.1;
    assert_eq!(listed["networkBlockAll"], false);
    assert_eq!(listed["networkAllowList"], "10.0.0.0/8, 1.2.3.4/32");
    let both = set(json!({"domainAllowList": "example.com,*.daytona.io"})).await.1;
    assert_eq!(both["networkAllowList"], listed["networkAllowList"]);
    let none = set(json!({"networkBlockAll": true, "domainAllowList": ""})).await.1;
    assert!(none.get("networkAllowList").is_none() && none.get("domainAllowList").is_none(), "{none}");
}

#[tokio::test]
async fn secrets_are_placeholders_in_the_environment_of_new_processes() {
    let dev_server = DevServer::new().await;
    for name in ["a", "b", "c"] {
        assert_eq!(dev_server.post("/secret", json!({"name": name, "value": "v"})).await.0, 201);
    }
    let (_, made) = dev_server.post("/sandbox", json!({"secrets": [{"FIRST": "a"}, {"SECOND": "b"}]})).await;
    let id = made["id"].as_str().unwrap().to_owned();
    let sandbox = crate::client::Sandbox { dev_server: &dev_server, id: id.clone() };
    let variables = async || {
        let printed =
            sandbox.post("/process/execute", json!({"command": "env | grep =dtn_secret_ | sort"})).await.1;
        let lines = printed["result"].as_str().unwrap().lines().map(str::to_owned).collect::<Vec<_>>();
        lines.iter().map(|line| line.split('=').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(variables().await, ["FIRST", "SECOND"]);
    let path = format!("/sandbox/{id}/secrets");
    assert_eq!(put(&dev_server, &path, json!({"secrets": [{"THIRD": "c"}]})).await.0, 200);
    assert_eq!(variables().await, ["THIRD"]);
    for wrong in
        [json!({}), json!({"secrets": {}}), json!({"secrets": [{"A": 1}]}), json!({"secrets": ["A"]})]
    {
        assert_eq!(put(&dev_server, &path, wrong.clone()).await.0, 400, "{wrong}");
    }
    // They outlive a stop.
    dev_server.post(&format!("/sandbox/{id}/stop"), json!({})).await;
    dev_server.wait_for(&id, "stopped").await;
    dev_server.post(&format!("/sandbox/{id}/start"), json!({})).await;
    dev_server.wait_for(&id, "started").await;
    assert_eq!(variables().await, ["THIRD"]);
}

#[tokio::test]
async fn a_sandbox_stops_and_goes_when_its_intervals_say_so() {
    let dev_server = with_short_minutes().await;
    let idle = json!({"autoStopInterval": 1, "autoArchiveInterval": 1});
    let (_, made) = dev_server.post("/sandbox", idle).await;
    let id = made["id"].as_str().unwrap();
    dev_server.wait_for(id, "archived").await;

    let stopped = json!({"autoStopInterval": 1, "autoArchiveInterval": 0, "autoDeleteInterval": 1});
    let (_, made) = dev_server.post("/sandbox", stopped).await;
    let path = format!("/sandbox/{}", made["id"].as_str().unwrap());
    until("it is deleted", async || dev_server.get(&path).await.0 == 404).await;

    let (_, made) = dev_server.post("/sandbox", json!({"ttlMinutes": 100_000})).await;
    assert!(made["autoDestroyAt"].is_string() && made.get("ttlMinutes").is_none(), "{made}");
    let path = format!("/sandbox/{}", made["id"].as_str().unwrap());
    let unset = dev_server.post(&format!("{path}/ttl/0"), json!({})).await.1;
    assert!(unset.get("autoDestroyAt").is_none(), "{unset}");
    assert_eq!(dev_server.post(&format!("{path}/ttl/-1"), json!({})).await.0, 400);
    assert_eq!(dev_server.post(&format!("{path}/ttl/1"), json!({})).await.0, 200);
    until("its time is over", async || dev_server.get(&path).await.0 == 404).await;
}

#[tokio::test]
async fn an_idle_sandbox_pauses_with_its_processes_when_its_interval_says_so() {
    let dev_server = with_short_minutes().await;
    if !dev_server.server.is_isolated() {
        return println!("= isolation: an idle sandbox's pause skipped: pausing needs it");
    }
    let (_, made) =
        dev_server.post("/sandbox", json!({"autoStopInterval": 0, "autoPauseInterval": 100_000})).await;
    let sandbox =
        crate::client::Sandbox { dev_server: &dev_server, id: made["id"].as_str().unwrap().to_owned() };
    let path = format!("/sandbox/{}", sandbox.id);
    let run = json!({"command": "setsid sleep 1000 </dev/null >/dev/null 2>&1 & echo -n $!"});
    let process = sandbox.post("/process/execute", run).await.1["result"].as_str().unwrap().to_owned();
    assert_eq!(dev_server.post(&format!("{path}/autopause/1"), json!({})).await.0, 200);
    dev_server.wait_for(&sandbox.id, "paused").await;
    // It is not idle again before it can be asked.
    assert_eq!(dev_server.post(&format!("{path}/autopause/0"), json!({})).await.0, 200);
    assert_eq!(dev_server.post(&format!("{path}/start"), json!({})).await.0, 200);
    dev_server.wait_for(&sandbox.id, "started").await;
    let alive = sandbox.post("/process/execute", json!({"command": format!("kill -0 {process}")})).await;
    assert_eq!((alive.0, &alive.1["exitCode"]), (200, &json!(0)), "{}", alive.1);
}

#[tokio::test]
async fn a_sandbox_that_is_used_does_not_stop() {
    let minute = Duration::from_secs(4);
    let dev_server = DevServer::with(Options { minute: Some(minute), ..Options::default() }).await;
    loop {
        let began = Instant::now();
        let (_, made) = dev_server.post("/sandbox", json!({"autoStopInterval": 1})).await;
        let sandbox =
            crate::client::Sandbox { dev_server: &dev_server, id: made["id"].as_str().unwrap().to_owned() };
        let path = format!("/sandbox/{}", sandbox.id);
        let (mut used, mut longest) = (began, Duration::ZERO);
        let state = loop {
            let sent = Instant::now();
            sandbox.get("/work-dir").await;
            dev_server.post(&format!("{path}/last-activity"), json!({"activityType": "x"})).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
            let state = dev_server.get(&path).await.1["state"].clone();
            longest = longest.max(used.elapsed());
            used = sent;
            if state != "started" || began.elapsed() > minute * 2 {
                break state;
            }
        };
        // On a machine so busy that it was not used for a minute it has to be tried again.
        if longest < minute {
            return assert_eq!(state, "started");
        }
    }
}

#[tokio::test]
async fn metrics_are_measured_and_kept_over_time() {
    let dev_server = with_short_minutes().await;
    let (_, made) = dev_server.post("/sandbox", json!({"autoStopInterval": 0})).await;
    let sandbox =
        crate::client::Sandbox { dev_server: &dev_server, id: made["id"].as_str().unwrap().to_owned() };
    let now = async || sandbox.get("/system/metrics").await.1;
    let first = now().await;
    assert_eq!((&first["cpuCount"], &first["memTotal"]), (&json!(1), &json!(1u64 << 30)), "{first}");
    assert!(first["memUsed"].as_u64().unwrap() > 0, "{first}");
    let busy =
        sandbox.post("/process/execute", json!({"command": "timeout 1 sh -c 'while :; do :; done'"})).await;
    assert_eq!(busy.0, 200);
    // The loop has ended, and counts all the same.
    let used = now().await["cpuUsedPct"].as_f64().unwrap();
    assert!(used > 0.0, "{used}");
    sandbox.post("/process/execute", json!({"command": "head -c 30000000 /dev/zero > ~/large"})).await;
    assert!(now().await["diskUsed"].as_u64().unwrap() >= 30_000_000);

    let path = format!("/sandbox/{}/telemetry/metrics", sandbox.id);
    let range = "from=2020-01-01T00:00:00Z&to=2999-01-01T00:00:00%2B02:00";
    let series =
        async |more: &str| dev_server.get(&format!("{path}?{range}{more}")).await.1["series"].clone();
    until("there are samples", async || series("").await.as_array().unwrap().len() == 7).await;
    let one = series("&metricNames=daytona.sandbox.memory.limit").await;
    assert_eq!(one[0]["metricName"], "daytona.sandbox.memory.limit");
    assert_eq!(one[0]["dataPoints"][0]["value"], json!(1u64 << 30), "{one}");
    assert_eq!(one.as_array().unwrap().len(), 1);
    let before = "from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z";
    assert_eq!(dev_server.get(&format!("{path}?{before}")).await.1, json!({"series": []}));
    assert_eq!(dev_server.get(&format!("{path}?from=yesterday&to=now")).await.0, 400);
}
