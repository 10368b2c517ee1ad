//! Dockerfiles and hashes, against what the official SDKs make of the same image objects. How the expected texts were
//! made stands in the README beside them.

use super::super::{described, support};
use daytona::client::status;
use daytona::{Error, Result};
use serde_json::{Value, json};

/// The Dockerfile of an image object.
pub async fn dockerfile(image: &Value) -> Result<String> {
    let client = support::client("http://127.0.0.1:9/api", json!({}));
    let text = support::on_client(&client, "image.dockerfile", json!({ "image": image })).await?;
    Ok(text.as_str().unwrap().to_owned())
}

/// Its contexts.
pub async fn contexts(image: &Value) -> Result<Value> {
    let client = support::client("http://127.0.0.1:9/api", json!({}));
    let answer = support::on_client(&client, "image.contexts", json!({ "image": image })).await;
    match &answer {
        Ok(contexts) => described::result("image.contexts", contexts).unwrap(),
        Err(error) => described::error("image.contexts", error).unwrap(),
    }
    answer
}

pub fn is_missing_file(error: &Error) -> bool {
    error.status() == status::IO && error.detail().code.as_deref() == Some("FILE_NOT_FOUND")
}

async fn equals_the_sdk(expected: &str, least: usize) {
    let cases: Vec<Value> = serde_json::from_str(expected).unwrap();
    assert!(cases.len() >= least, "{} cases", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        let name = &case["name"];
        match dockerfile(&case["image"]).await {
            Ok(text) if text == case["dockerfile"].as_str().unwrap() => {}
            other => wrong.push(format!("{name}: {other:?}\n  instead of {}", case["dockerfile"])),
        }
        let expected = case["contexts"].as_array().unwrap();
        let made = contexts(&case["image"]).await;
        if expected.iter().any(|context| context["hash"] == "") {
            assert!(is_missing_file(&made.unwrap_err()), "{name}");
            continue;
        }
        let made = made.map(|contexts| {
            let reduced = contexts
                .as_array()
                .unwrap()
                .iter()
                .map(|context| json!({"archivePath": context["archivePath"], "hash": context["hash"]}));
            reduced.collect::<Vec<_>>()
        });
        match made {
            Ok(made) if made == *expected => {}
            other => wrong.push(format!("{name}: {other:?}\n  instead of {}", case["contexts"])),
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[tokio::test]
async fn the_style_go_equals_its_sdk() {
    equals_the_sdk(include_str!("go.json"), 43).await;
}

#[tokio::test]
async fn the_style_python_equals_its_sdk() {
    equals_the_sdk(include_str!("python.json"), 40).await;
}

#[tokio::test]
async fn the_style_typescript_equals_its_sdk() {
    equals_the_sdk(include_str!("typescript.json"), 40).await;
}

#[tokio::test]
async fn the_style_ruby_equals_its_sdk() {
    equals_the_sdk(include_str!("ruby.json"), 40).await;
}

#[tokio::test]
async fn our_own_style_quotes_what_the_sdks_do_not() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("own.json")).unwrap();
    for case in &cases {
        let expected = case["dockerfile"].as_str().unwrap();
        assert_eq!(dockerfile(&case["image"]).await.unwrap(), expected, "{}", case["name"]);
    }
}

#[tokio::test]
async fn an_image_object_that_means_nothing_is_refused_with_what_is_wrong() {
    let with = |step: Value| json!({"base": "b", "steps": [step]});
    for (image, words) in [
        (json!({}), "begins with nothing"),
        (json!({"base": "a", "dockerfile": "FROM b"}), "more than one"),
        (json!({"base": "a b"}), "`base`"),
        (json!({"base": "a", "contextDir": "."}), "contextDir"),
        (json!({"base": "a", "style": "rust"}), "style"),
        (json!({"base": "a", "step": []}), "step"),
        (with(json!({})), "steps[0]"),
        (with(json!({"run": "a", "user": "b"})), "steps[0]"),
        (with(json!({"run": 1})), "run"),
        (with(json!({"run": []})), "run"),
        (with(json!({"env": {"A": "1\n2"}})), "line break"),
        (with(json!({"env": {"A=B": "1"}})), "A=B"),
        (with(json!({"workdir": "/a\nRUN evil"})), "line break"),
        (with(json!({"pipInstall": {"packages": ["a\nRUN b"]}})), "line break"),
        (with(json!({"pipInstall": {"packages": ["a"], "extraOptions": "-q \\"}})), "backslash"),
        (with(json!({"expose": [70000]})), "expose"),
        (json!({"dockerfile": "FROM a\n\nCOPY x"}), "line 3"),
        (json!({"dockerfile": "FROM a\nNOPE"}), "line 2"),
        (with(json!({"raw": {"commands": ["RUN a", "COPY --nope a b"]}})), "line 2"),
        (json!({"style": "python", "debianSlim": "2.7"}), "2.7"),
        (json!({"style": "typescript", "debianSlim": "3.8"}), "3.9"),
        (json!({"style": "go", "dockerfile": "FROM a", "contextDir": "."}), "contextDir"),
    ] {
        let error = dockerfile(&image).await.expect_err(&image.to_string());
        assert_eq!(error.status(), status::INVALID_ARGUMENT, "{image}: {error:?}");
        assert!(error.to_string().contains(words), "{image}: {error}");
        described::error("image.dockerfile", &error).unwrap();
    }
}

#[tokio::test]
async fn a_local_file_that_is_missing_is_named() {
    for (step, name) in [
        (json!({"addLocalFile": {"localPath": "no/such.txt", "remotePath": "/x"}}), "no/such.txt"),
        (json!({"addLocalDir": {"localPath": "no/such", "remotePath": "/x"}}), "no/such"),
        (json!({"requirements": {"path": "no/requirements.txt"}}), "no/requirements.txt"),
        (json!({"pyproject": {"path": "no/pyproject.toml"}}), "no/pyproject.toml"),
    ] {
        for style in [Value::Null, json!("python"), json!("typescript"), json!("ruby")] {
            let image = json!({"base": "b", "style": style, "steps": [step]});
            let error = contexts(&image).await.expect_err(name);
            assert!(is_missing_file(&error), "{style} {error:?}");
            assert!(error.to_string().contains(name), "{error}");
        }
    }
}
