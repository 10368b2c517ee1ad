//! sandbox.create with its wait and its build log: whatever happens, at most one sandbox is made, and
//! none is lost.

use super::case::{Fails, Matrix, Promise, Truth, fault, fixture, limit_ms, of_one_request};
use crate::fixture::Fixture;
use crate::support;
use daytona::client::status;
use daytona::{Error, Result};
use serde_json::{Value, json};

/// The ids and names of everything there is but the fixture's own sandbox.
async fn sandboxes(fixture: &Fixture) -> Vec<(String, String)> {
    let list = fixture.json("sandbox.list", json!({})).await.unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let all = list["items"].as_array().unwrap().iter().map(|item| (text(&item["id"]), text(&item["name"])));
    all.filter(|(id, _)| id != fixture.sandbox.id()).collect()
}

async fn create(fixture: &Fixture, params: Value) -> Result<Value> {
    fixture.sandbox("sandbox.create", params).await.map(|(_, json)| json["state"].clone())
}

/// At most `most` were made, the error names the one there is, and it is deleted.
async fn nothing_is_lost(
    fixture: &Fixture,
    case: &str,
    error: Option<&Error>,
    made: std::ops::RangeInclusive<usize>,
) {
    let there = sandboxes(fixture).await;
    assert!(made.contains(&there.len()), "{case}: {there:?}");
    if let Some(error) = error {
        let detail = error.detail();
        assert!(detail.sandbox_id.is_some() || detail.sandbox_name.is_some(), "{case}: {error:?}");
        for (id, name) in &there {
            let named = detail.sandbox_id.as_ref() == Some(id) || detail.sandbox_name.as_ref() == Some(name);
            assert!(named, "{case} leaves {id} {name}, and names {:?}", detail.sandbox_name);
        }
    }
    for (id, _) in there {
        let (sandbox, _) = fixture.sandbox("sandbox.attach", json!({"sandbox": id})).await.unwrap();
        support::call(&sandbox, "sandbox.delete", json!({"wait": true})).await.unwrap();
    }
}

#[tokio::test]
async fn a_create_makes_one_sandbox_or_none_and_loses_none() {
    let fixture = fixture().await;
    let mut matrix = Matrix::default();
    let truth = json!("started");
    for (kind, promise) in of_one_request(false) {
        // A lost answer is no lost sandbox: it is looked up by the name that was sent.
        let promise = match kind {
            "cut-after" | "stall-body=0" | "stall-body=9" => Truth,
            _ if kind.starts_with("cut-body") => Truth,
            _ => promise,
        };
        // The first request to this path is the one that creates.
        let fault = fault(kind, "/api/sandbox", Some(1));
        let create = async || create(&fixture, json!({"timeoutMs": limit_ms(promise)})).await;
        let error = matrix.case(&fixture, "sandbox.create", &fault, promise, &truth, create).await;
        let made = if matches!(promise, Truth) { 1..=1 } else { 0..=0 };
        nothing_is_lost(&fixture, &fault, error.as_ref(), made).await;
    }
    // A name that the caller gave may be another sandbox's: it is told, not guessed.
    let fault = fault("cut-after", "/api/sandbox", Some(1));
    let create = async || create(&fixture, json!({"name": "given"})).await;
    let error =
        matrix.case(&fixture, "sandbox.create", &fault, Fails(status::CONNECTION), &truth, create).await;
    nothing_is_lost(&fixture, &fault, error.as_ref(), 1..=1).await;
    matrix.end();
}

#[tokio::test]
async fn a_wait_bears_passing_errors_and_an_error_that_stays_names_the_sandbox() {
    let fixture = fixture().await;
    let mut matrix = Matrix::default();
    let truth = json!("started");
    // More strikes than a request has attempts: several polls fail.
    let passing =
        ["cut", "cut-body=1", "status=502", "html=503", "empty=504", "status=500", "garbage", "html=200"];
    let mut cells: Vec<(&str, Option<u32>, Promise)> =
        passing.into_iter().map(|kind| (kind, Some(7), Truth)).collect();
    cells.extend([
        ("stall", Some(1), Truth),
        ("stall-body=1", Some(1), Truth),
        ("split", None, Truth),
        ("close-idle=30", None, Truth),
        ("status=429", Some(1), Truth),
        ("cut", None, Fails(status::TIMEOUT)),
        ("status=502", None, Fails(status::TIMEOUT)),
        ("stall", None, Fails(status::TIMEOUT)),
        ("status=401", None, Fails(401)),
    ]);
    for (kind, strikes, promise) in cells {
        // The one that creates has no id in its path yet.
        let fault = fault(kind, "/api/sandbox/", strikes);
        let create = async || create(&fixture, json!({"image": "x", "timeoutMs": limit_ms(promise)})).await;
        let error = matrix.case(&fixture, "sandbox.create", &fault, promise, &truth, create).await;
        nothing_is_lost(&fixture, &fault, error.as_ref(), 1..=1).await;
    }
    matrix.end();
}

#[tokio::test]
async fn a_build_log_that_breaks_costs_nothing_but_the_log() {
    let fixture = fixture().await;
    let mut matrix = Matrix::default();
    let build = async || {
        let (sink, ended) = fixture.create_stream(json!({"image": "x"})).await;
        Ok((ended?.1["state"].clone(), String::from_utf8(sink.all()).unwrap()))
    };
    let (state, whole): (Value, String) = Result::<_, Error>::unwrap(build().await);
    assert!(whole.contains("Successfully built"), "{whole}");
    nothing_is_lost(&fixture, "no fault", None, 1..=1).await;
    let faults = [
        "cut",
        "cut-after",
        "cut-body=0",
        "cut-body=9",
        "cut-body=40",
        "stall",
        "stall-body=0",
        "stall-body=9",
        "split",
        "close-idle=30",
        "status=502",
        "html=502",
        "empty=404",
        "status=500",
    ];
    for path in ["/build-logs-url", "/build-logs?follow"] {
        for kind in faults {
            let fault = fault(kind, path, None);
            let build = async || {
                let (state, log) = build().await?;
                assert!(whole.starts_with(&log), "{fault}: {log:?}");
                Ok(state)
            };
            matrix.case(&fixture, "sandbox.create", &fault, Truth, &state, build).await;
            nothing_is_lost(&fixture, &fault, None, 1..=1).await;
        }
    }
    matrix.end();
}
