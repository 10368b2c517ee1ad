//! Snapshots with their builds, volumes, and links: what is made is made once, and what is told is so.

use super::case::{Fails, Matrix, Truth, fault, fixture, limit_ms, of_one_order, of_one_request};
use crate::fixture::Fixture;
use crate::support;
use serde_json::{Value, json};

#[tokio::test]
async fn questions_about_snapshots_and_volumes_are_repeated_until_they_are_answered() {
    let fixture = fixture().await;
    let mut matrix = Matrix::default();
    fixture.json("snapshot.create", json!({"name": "there", "image": "debian:12"})).await.unwrap();
    fixture.json("volume.create", json!({"name": "there"})).await.unwrap();
    fixture.json("volume.wait", json!({"idOrName": "there"})).await.unwrap();
    let there = json!({"idOrName": "there"});
    for (operation, params, path) in [
        ("snapshot.get", there.clone(), "/api/snapshots/"),
        ("snapshot.list", json!({}), "/api/snapshots"),
        ("volume.get", there.clone(), "/api/volumes/"),
        ("volume.list", json!({}), "/api/volumes"),
        ("volume.wait", there, "/api/volumes/"),
    ] {
        let ask = async |limit: u64| {
            let mut params = params.clone();
            params["timeoutMs"] = json!(limit);
            let mut answer = fixture.json(operation, params).await?;
            // The service's own have the time of the question.
            if let Some(items) = answer.get_mut("items").and_then(Value::as_array_mut) {
                items.retain(|item| item["general"] == false);
            }
            Ok(answer)
        };
        let truth = ask(limit_ms(Truth)).await.unwrap();
        for (kind, promise) in of_one_request(true) {
            // A wait bears what passes.
            let bears = operation == "volume.wait" && !kind.starts_with("stall");
            let promise = if bears { Truth } else { promise };
            let run = async || ask(limit_ms(promise)).await;
            matrix.case(&fixture, operation, &fault(kind, path, Some(1)), promise, &truth, run).await;
        }
    }
    matrix.end();
}

#[tokio::test]
async fn links_and_signed_urls_are_true_or_an_error() {
    let fixture = fixture().await;
    let mut matrix = Matrix::default();
    let id = fixture.sandbox.id().to_owned();
    for (operation, params, path) in [
        ("sandbox.download_url", json!({"path": "a b", "ttlSeconds": 0}), "/signing-key"),
        ("sandbox.upload_url", json!({"path": "a b", "ttlSeconds": 0}), "/signing-key"),
        ("sandbox.preview_link", json!({"port": 3000}), "/preview-url"),
        ("sandbox.signed_preview_link", json!({"port": 3000}), "/signed-preview-url"),
    ] {
        let ask = async |limit: u64| {
            // A handle of its own: a signing key is kept for a while.
            let (sandbox, _) = fixture.sandbox("sandbox.get", json!({"idOrName": id})).await?;
            let mut params = params.clone();
            params["timeoutMs"] = json!(limit);
            let answer = support::call(&sandbox, operation, params).await?;
            Ok(match operation {
                // Each has a token of its own.
                "sandbox.signed_preview_link" => json!([answer["port"], answer["sandboxId"]]),
                _ => answer,
            })
        };
        let truth = ask(limit_ms(Truth)).await.unwrap();
        for (kind, promise) in of_one_request(true) {
            let run = async || ask(limit_ms(promise)).await;
            matrix.case(&fixture, operation, &fault(kind, path, Some(1)), promise, &truth, run).await;
        }
    }
    matrix.end();
}

/// Deletes what is there under the name, and says whether it was.
async fn removed(fixture: &Fixture, noun: &str, name: &str) -> bool {
    let named = json!({ "idOrName": name });
    fixture.json(&format!("{noun}.delete"), named).await.is_ok()
}

#[tokio::test]
async fn a_snapshot_and_a_volume_are_made_once_or_not_at_all() {
    let fixture = fixture().await;
    let mut matrix = Matrix::default();
    for (operation, path) in [("snapshot.create", "/api/snapshots"), ("volume.create", "/api/volumes")] {
        let noun = operation.split_once('.').unwrap().0;
        for (number, (kind, promise)) in of_one_request(false).into_iter().enumerate() {
            let name = format!("made-{number}");
            let make = async || {
                let mut params = json!({"name": name, "timeoutMs": limit_ms(promise)});
                if noun == "snapshot" {
                    params["image"] = json!("debian:12");
                }
                fixture.json(operation, params).await.map(|made| made["name"].clone())
            };
            let gone = async || removed(&fixture, noun, &name).await;
            let fault = fault(kind, path, Some(1));
            matrix.case(&fixture, operation, &fault, promise, &json!(name), make).await;
            if matches!(promise, Truth) || super::case::lets_act(kind) {
                support::until(&fault, gone).await;
            } else {
                let made = gone().await;
                matrix.check(!made, || format!("{operation} under {fault}: it was made"));
            }
        }
    }
    matrix.end();
}

#[tokio::test]
async fn a_deletion_is_told_as_it_went() {
    let fixture = fixture().await;
    let mut matrix = Matrix::default();
    for (noun, path) in [("snapshot", "/api/snapshots/"), ("volume", "/api/volumes/")] {
        let (create, operation) = (format!("{noun}.create"), format!("{noun}.delete"));
        for (number, (kind, promise)) in of_one_order(true).into_iter().enumerate() {
            let mut params = json!({ "name": format!("short-{number}") });
            if noun == "snapshot" {
                params["image"] = json!("debian:12");
            }
            let id = fixture.json(&create, params).await.unwrap()["id"].clone();
            let ready = async || {
                noun == "snapshot" || fixture.json("volume.wait", json!({ "idOrName": id })).await.is_ok()
            };
            support::until("it can be deleted", ready).await;
            let delete = async || {
                fixture.json(&operation, json!({"idOrName": id, "timeoutMs": limit_ms(promise)})).await
            };
            let fault = fault(kind, path, Some(1));
            matrix.case(&fixture, &operation, &fault, promise, &Value::Null, delete).await;
            let left = async || removed(&fixture, noun, id.as_str().unwrap()).await;
            if matches!(promise, Fails(_)) && !super::case::lets_act(kind) {
                support::until(&fault, left).await;
            }
        }
    }
    matrix.end();
}

#[tokio::test]
async fn a_build_of_a_snapshot_ends_truly_whatever_becomes_of_its_log_and_its_polls() {
    let fixture = fixture().await;
    let mut matrix = Matrix::default();
    let mut number = 0;
    let truth = json!("active");
    let logs = ["cut", "cut-body=9", "stall", "stall-body=9", "split", "status=502", "html=200", "garbage"];
    let paths = ["/build-logs-url", "/build-logs?follow"];
    let mut faults: Vec<String> =
        paths.iter().flat_map(|path| logs.iter().map(move |kind| fault(kind, path, None))).collect();
    // Polls that fail for a while.
    faults.extend(
        ["cut", "cut-body=9", "status=502", "html=503", "empty=504"]
            .map(|kind| fault(kind, "/api/snapshots/", Some(4))),
    );
    for fault in faults {
        number += 1;
        let name = format!("built-{number}");
        let build = async || {
            let image = json!({"base": "x", "steps": [{"workdir": "/srv"}]});
            let (log, ended) = fixture.snapshot_stream(json!({"name": name, "image": image})).await;
            assert!(!log.contains("<html"), "{log}");
            Ok(ended?["state"].clone())
        };
        matrix.case(&fixture, "snapshot.create", &fault, Truth, &truth, build).await;
    }
    matrix.end();
}
