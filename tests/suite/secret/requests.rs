//! What the operations of secrets and warm pools ask of the API, and that no value of a secret comes back.

use crate::canned::{Answer, Server, client, json_answer};
use crate::support::on_client;
use daytona::client::status;
use serde_json::{Value, json};

const VALUE: &str = "sk-the-value-of-a-secret";

#[tokio::test]
async fn each_operation_sends_what_the_specification_has() {
    let server = Server::start(|asked| match asked.line.starts_with("DELETE") {
        true => Answer::Keep(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()),
        false if asked.line.starts_with("GET /warm") => Answer::Keep(json_answer("200 OK", &json!([]))),
        false => Answer::Keep(json_answer("200 OK", &json!({"id": "i"}))),
    })
    .await;
    let client = client(&server.url(), json!({}));
    for (operation, params, line, body) in [
        (
            "secret.create",
            json!({"name": "n", "value": VALUE}),
            "POST /secret",
            json!({"name": "n", "value": VALUE}),
        ),
        (
            "secret.create",
            json!({"name": "n", "value": VALUE, "description": "", "hosts": []}),
            "POST /secret",
            json!({"name": "n", "value": VALUE, "description": "", "hosts": []}),
        ),
        ("secret.get", json!({"id": "a b"}), "GET /secret/a%20b", Value::Null),
        ("secret.list", json!({}), "GET /secret/paginated", Value::Null),
        (
            "secret.list",
            json!({"cursor": "c=", "limit": 5, "name": "n", "sort": "name", "order": "asc"}),
            "GET /secret/paginated?cursor=c%3D&limit=5&name=n&sort=name&order=asc",
            Value::Null,
        ),
        ("secret.update", json!({"id": "i", "value": VALUE}), "PATCH /secret/i", json!({ "value": VALUE })),
        ("secret.update", json!({"id": "i", "hosts": []}), "PATCH /secret/i", json!({"hosts": []})),
        ("secret.delete", json!({"id": "i"}), "DELETE /secret/i", Value::Null),
        (
            "warm_pool.create",
            json!({"snapshot": "s", "pool": 2, "target": "eu"}),
            "POST /warm-pools",
            json!({"snapshot": "s", "pool": 2, "target": "eu"}),
        ),
        ("warm_pool.list", json!({}), "GET /warm-pools", Value::Null),
        ("warm_pool.update", json!({"id": "i", "pool": 0}), "PATCH /warm-pools/i", json!({"pool": 0})),
        ("warm_pool.delete", json!({"id": "i"}), "DELETE /warm-pools/i", Value::Null),
    ] {
        on_client(&client, operation, params).await.unwrap();
        let asked = server.requests().pop().unwrap();
        assert_eq!(asked.line.trim_end_matches(" HTTP/1.1"), line);
        assert_eq!(serde_json::from_slice::<Value>(&asked.body).unwrap_or_default(), body, "{operation}");
    }
}

#[tokio::test]
async fn a_server_without_the_route_is_too_old() {
    let server = Server::start(|asked| {
        let path = asked.line.trim_end_matches(" HTTP/1.1");
        Answer::Keep(json_answer(
            "404 Not Found",
            &json!({"statusCode": 404, "message": format!("Cannot {path}")}),
        ))
    })
    .await;
    let client = client(&server.url(), json!({}));
    for (operation, params) in [
        ("secret.create", json!({"name": "n", "value": VALUE})),
        ("secret.get", json!({"id": "i"})),
        ("secret.list", json!({})),
        ("secret.update", json!({"id": "i", "value": VALUE})),
        ("secret.delete", json!({"id": "i"})),
        ("warm_pool.create", json!({"snapshot": "s", "pool": 1})),
        ("warm_pool.list", json!({})),
        ("warm_pool.update", json!({"id": "i", "pool": 1})),
        ("warm_pool.delete", json!({"id": "i"})),
    ] {
        let error = on_client(&client, operation, params).await.unwrap_err();
        assert_eq!(error.status(), status::UNSUPPORTED, "{operation}");
        assert!(error.detail().message.contains("0.205"), "{error:?}");
    }
}

#[tokio::test]
async fn an_unknown_secret_is_not_found() {
    let server = Server::start(|_| {
        let message = "Secret with ID i not found";
        Answer::Keep(json_answer("404 Not Found", &json!({"statusCode": 404, "message": message})))
    })
    .await;
    let error =
        on_client(&client(&server.url(), json!({})), "secret.get", json!({"id": "i"})).await.unwrap_err();
    assert_eq!(error.status(), status::HTTP_NOT_FOUND);
}

#[tokio::test]
async fn no_error_shows_a_value() {
    // A server that quotes what it refuses.
    let server = Server::start(|asked| {
        let sent = String::from_utf8_lossy(&asked.body).into_owned();
        Answer::Keep(json_answer("400 Bad Request", &json!({"message": format!("bad request: {sent}")})))
    })
    .await;
    let client = client(&server.url(), json!({}));
    for (operation, params) in [
        ("secret.create", json!({"name": "n", "value": VALUE})),
        ("secret.create", json!({"name": 5, "value": VALUE})),
        ("secret.create", json!({"name": "n", "value": [VALUE]})),
        ("secret.create", json!({"name": "n", "value": VALUE, "valeu": VALUE})),
        ("secret.update", json!({"id": "i", "value": VALUE})),
        ("secret.update", json!({"id": "i", "value": {"v": VALUE}})),
    ] {
        let error = on_client(&client, operation, params.clone()).await.unwrap_err();
        assert!(!String::from_utf8_lossy(&error.json()).contains(VALUE), "{params}: {error:?}");
    }
    let error = on_client(&client, "secret.create", json!({"name": "n", "value": 90_210})).await.unwrap_err();
    assert_eq!(error.detail().message, "secret.create: `value` has to be a text");
    let params: daytona::client::secret::Create =
        serde_json::from_value(json!({"name": "n", "value": VALUE})).unwrap();
    assert!(!format!("{params:?}").contains(VALUE));
}

#[tokio::test]
async fn a_wrong_argument_sends_nothing() {
    let server = Server::start(|_| panic!("asked")).await;
    let client = client(&server.url(), json!({}));
    for (operation, params) in [
        ("secret.create", json!({"name": "n"})),
        ("secret.get", json!({"id": ""})),
        ("secret.get", json!({"id": "a/b"})),
        ("secret.update", json!({"id": "i"})),
        ("warm_pool.create", json!({"snapshot": "s", "pool": 0})),
        ("warm_pool.update", json!({"id": "i", "pool": -1})),
    ] {
        let error = on_client(&client, operation, params).await.unwrap_err();
        assert_eq!(error.status(), status::INVALID_ARGUMENT, "{operation}");
    }
    assert!(server.requests().is_empty());
}
