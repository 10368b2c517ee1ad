//! Secrets, whose values never come back, and regions.

use crate::client::{DevServer, Sandbox, status_and_body};
use daytona_dev::Protocol;
use reqwest::Method;
use serde_json::{Value, json};

const VALUE: &str = "sk-the-value-of-a-secret";

impl DevServer {
    async fn patch(&self, path: &str, body: Value) -> (u16, Value) {
        status_and_body(self.request(Method::PATCH, path).json(&body).send().await.unwrap()).await
    }
}

#[tokio::test]
async fn a_secret_comes_back_without_its_value() {
    let dev_server = DevServer::new().await;
    let (status, secret) = dev_server
        .post(
            "/secret",
            json!({"name": "KEY", "value": VALUE, "description": "d", "hosts": ["api.example.com"]}),
        )
        .await;
    assert_eq!((status, &secret["hosts"]), (201, &json!(["api.example.com"])), "{secret}");
    let path = format!("/secret/{}", secret["id"].as_str().unwrap());
    let mut answers = vec![secret.clone(), dev_server.get(&path).await.1];
    let (status, changed) =
        dev_server.patch(&path, json!({"value": VALUE, "hosts": ["*.example.com"]})).await;
    assert_eq!(
        (status, &changed["hosts"], &changed["description"]),
        (200, &json!(["*.example.com"]), &json!("d"))
    );
    assert_eq!(changed["placeholder"], secret["placeholder"]);
    let (_, page) = dev_server.get("/secret/paginated").await;
    assert_eq!((&page["total"], &page["nextCursor"]), (&json!(1), &Value::Null));
    let (status, taken) = dev_server.post("/secret", json!({"name": "KEY", "value": VALUE})).await;
    assert_eq!(status, 409, "{taken}");
    for wrong in [
        json!({"name": "a b", "value": VALUE}),
        json!({"name": "k"}),
        json!({"name": "k", "value": ""}),
        json!({"name": "k", "value": VALUE, "hosts": VALUE}),
        json!({"name": "k", "value": [VALUE]}),
    ] {
        let (status, refusal) = dev_server.post("/secret", wrong).await;
        assert_eq!(status, 400);
        answers.push(refusal);
    }
    answers.extend([changed, page, taken, dev_server.get("/secret").await.1]);
    for answer in answers {
        assert!(!answer.to_string().contains(VALUE), "{answer}");
    }
    assert_eq!(dev_server.delete(&path).await.0, 204);
    assert_eq!(dev_server.get(&path).await.0, 404);
}

#[tokio::test]
async fn a_sandbox_has_a_secrets_placeholder_in_its_environment() {
    let dev_server = DevServer::new().await;
    let (_, secret) = dev_server.post("/secret", json!({"name": "prod", "value": VALUE})).await;
    let (status, json) =
        dev_server.post("/sandbox", json!({"secrets": [{"API_KEY": "prod"}, {"B": "prod"}]})).await;
    assert_eq!(status, 200, "{json}");
    assert!(!json.to_string().contains(VALUE) && json["env"] == json!({}), "{json}");
    let sandbox = Sandbox { dev_server: &dev_server, id: json["id"].as_str().unwrap().to_owned() };
    let (_, answer) = sandbox.post("/process/execute", json!({"command": "echo $API_KEY $B"})).await;
    let placeholder = secret["placeholder"].as_str().unwrap();
    assert_eq!(answer["result"].as_str().unwrap().trim_end(), format!("{placeholder} {placeholder}"));
    for (status, secrets) in [
        (404, json!([{"API_KEY": "unknown"}])),
        (400, json!([{"A=B": "prod"}])),
        (400, json!({"API_KEY": "prod"})),
        (400, json!([{"API_KEY": 5}])),
    ] {
        assert_eq!(dev_server.post("/sandbox", json!({ "secrets": secrets })).await.0, status, "{secrets}");
    }
}

#[tokio::test]
async fn secrets_are_listed_by_page_name_and_order() {
    let dev_server = DevServer::new().await;
    for name in ["b", "a", "other", "c"] {
        dev_server.post("/secret", json!({"name": format!("key-{name}"), "value": "v"})).await;
    }
    let (mut path, mut names) = ("/secret/paginated?limit=2&sort=name&order=asc".to_owned(), Vec::new());
    loop {
        let (_, page) = dev_server.get(&path).await;
        assert_eq!(page["total"], 4);
        names.extend(
            page["items"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap().to_owned()),
        );
        let Some(cursor) = page["nextCursor"].as_str() else { break };
        path = format!("/secret/paginated?limit=2&sort=name&order=asc&cursor={cursor}");
    }
    assert_eq!(names, ["key-a", "key-b", "key-c", "key-other"]);
    assert_eq!(dev_server.get("/secret/paginated?name=OTH").await.1["items"][0]["name"], "key-other");
    for wrong in ["limit=0", "sort=value", "order=up", "cursor=%21"] {
        assert_eq!(dev_server.get(&format!("/secret/paginated?{wrong}")).await.0, 400, "{wrong}");
    }
}

#[tokio::test]
async fn another_organization_and_an_older_server_have_none() {
    let dev_server = DevServer::new().await;
    let (_, secret) = dev_server.post("/secret", json!({"name": "KEY", "value": VALUE})).await;
    let url = format!("{}/secret/{}", dev_server.server.api_url(), secret["id"].as_str().unwrap());
    let stranger = dev_server.http.get(url).bearer_auth(dev_server.server.api_key_2());
    assert_eq!(status_and_body(stranger.send().await.unwrap()).await.0, 404);
    let older = DevServer::of(Protocol::V0_190).await;
    let (status, missing) = older.post("/secret", json!({"name": "KEY", "value": VALUE})).await;
    assert_eq!((status, &missing["message"]), (404, &json!("Cannot POST /api/secret")));
}

#[tokio::test]
async fn the_server_is_its_only_region() {
    for protocol in [Protocol::V0_205, Protocol::V0_190] {
        let (status, regions) = DevServer::of(protocol).await.get("/regions").await;
        assert_eq!((status, regions.as_array().unwrap().len()), (200, 1));
        assert_eq!((&regions[0]["id"], &regions[0]["regionType"]), (&json!("local"), &json!("shared")));
    }
}
