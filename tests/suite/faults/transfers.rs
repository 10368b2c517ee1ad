//! Files as bytes, as local files, as streams and many at once: what `files_faults` does not ask of them,
//! which is what is repeated, and that what arrives is whole.

use super::case::{Fails, Matrix, Promise, Truth, fault, fixture};
use crate::fixture::{Fixture, content};
use daytona::client::status;
use daytona::{Error, Result};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::time::{Duration, SystemTime};

const LENGTH: usize = 300_000;

const DOWN: [&str; 4] = ["files.read", "files.download", "files.download_many", "files.reader"];
const UP: [&str; 3] = ["files.write", "files.upload", "files.writer"];

/// Does it; the result is whether what arrived is what was sent.
async fn run(fixture: &Fixture, operation: &str) -> Result<Value> {
    let whole = |bytes: Vec<u8>| json!(bytes == content(LENGTH));
    let (here, place) = (fixture.place("here"), fixture.place("arrived"));
    let arrived = || whole(fs::read(fixture.place("arrived")).unwrap_or_default());
    match operation {
        "files.read" => fixture.read("there").await.map(whole),
        "files.download" => {
            let _ = fs::remove_file(&place);
            fixture.call(operation, json!({"localPath": place, "remotePath": "there"})).await?;
            Ok(arrived())
        }
        "files.download_many" => {
            let _ = fs::remove_file(&place);
            let files = json!({"files": [{"localPath": place, "remotePath": "there"}]});
            let moved = fixture.call(operation, files).await?;
            match moved[0].get("error") {
                None => Ok(arrived()),
                Some(error) => {
                    let mut told = Error::new(
                        error["status"].as_i64().unwrap() as i32,
                        error["message"].as_str().unwrap(),
                    );
                    told.detail_mut().operation = Some("files.download_many");
                    Err(told)
                }
            }
        }
        "files.reader" => {
            let reader = fixture.open(operation, json!({"path": "there"}));
            let sink = reader.sink.clone();
            let ended = reader.ended().await;
            let all = sink.all();
            assert!(content(LENGTH).starts_with(&all), "what came is not the beginning");
            ended.map(|_| whole(all))
        }
        "files.write" => fixture.write("up", content(LENGTH)).await.map(|_| landed(fixture)),
        "files.upload" => fixture
            .call(operation, json!({"localPath": here, "remotePath": "up"}))
            .await
            .map(|_| landed(fixture)),
        _ => {
            let writer = fixture.open(operation, json!({"path": "up"}));
            // Ends early where nothing is taken any more.
            let _ = Fixture::feed(&writer, &content(LENGTH)).await;
            writer.writer.finish();
            writer.ended().await.map(|_| landed(fixture))
        }
    }
}

fn landed(fixture: &Fixture) -> Value {
    json!(fs::read(fixture.home.join("up")).unwrap_or_default() == content(LENGTH))
}

/// A fixture with the file on both sides; the remote one is old enough to be told from another version.
async fn furnished() -> Fixture {
    let fixture = fixture().await;
    fixture.put("there", content(LENGTH));
    let there = File::options().write(true).open(fixture.home.join("there")).unwrap();
    there.set_modified(SystemTime::now() - Duration::from_secs(3600)).unwrap();
    fixture.file("here", &content(LENGTH));
    fixture
}

/// Only whole files, under their own names.
fn nothing_half(fixture: &Fixture, case: &str) {
    for name in fixture.left() {
        assert!(["here", "arrived"].contains(&name.as_str()), "{case} leaves {name}");
        assert!(fs::read(fixture.place(&name)).unwrap() == content(LENGTH), "{case} leaves half of {name}");
    }
    for name in fixture.remote() {
        assert!(["there", "up"].contains(&name.as_str()), "{case} leaves {name} in the sandbox");
        assert!(
            fs::read(fixture.home.join(&name)).unwrap() == content(LENGTH),
            "{case} leaves half of {name}"
        );
    }
}

#[tokio::test]
async fn a_download_goes_on_after_what_passes_and_is_whole_or_an_error() {
    let fixture = furnished().await;
    let mut matrix = Matrix::default();
    let truth = json!(true);
    let cells: [(&str, Promise); 15] = [
        ("cut", Truth),
        ("cut-after", Truth),
        ("cut-body=0", Truth),
        ("cut-body=1", Truth),
        ("cut-body=4096", Truth),
        ("cut-body=299999", Truth),
        ("delay=50", Truth),
        ("close-idle=30", Truth),
        // Not acted upon, and says when to come back.
        ("status=429", Truth),
        ("status=502", Truth),
        ("html=503", Truth),
        ("empty=504", Truth),
        ("status=500", Fails(500)),
        ("html=500", Fails(500)),
        ("empty=500", Fails(500)),
    ];
    for operation in DOWN {
        run(&fixture, operation).await.unwrap();
        for (kind, promise) in cells {
            let fault = fault(kind, "/files/", Some(1));
            // A POST, though it changes nothing.
            let promise = match (operation, promise, kind) {
                ("files.download_many", Truth, "status=502") => Fails(502),
                ("files.download_many", Truth, "html=503") => Fails(503),
                ("files.download_many", Truth, "empty=504") => Fails(504),
                ("files.download_many", Truth, "cut" | "cut-after") => Fails(status::CONNECTION),
                ("files.download_many", _, kind) if kind.starts_with("cut-body") => Fails(status::CONNECTION),
                _ => promise,
            };
            matrix
                .case(&fixture, operation, &fault, promise, &truth, async || run(&fixture, operation).await)
                .await;
            nothing_half(&fixture, &fault);
        }
    }
    matrix.end();
}

#[tokio::test]
async fn an_upload_is_sent_once_and_is_whole_or_nothing() {
    let fixture = furnished().await;
    let mut matrix = Matrix::default();
    let truth = json!(true);
    let cells: [(&str, Promise); 13] = [
        ("cut", Fails(status::CONNECTION)),
        ("cut-after", Fails(status::CONNECTION)),
        ("cut-body=0", Fails(status::CONNECTION)),
        ("cut-body=9", Fails(status::CONNECTION)),
        ("stall-body=0", Fails(status::TIMEOUT)),
        ("delay=50", Truth),
        ("close-idle=30", Truth),
        ("split", Truth),
        ("status=429", Truth),
        ("status=503", Fails(503)),
        ("html=502", Fails(502)),
        ("empty=504", Fails(504)),
        ("empty=500", Fails(500)),
    ];
    for operation in UP {
        run(&fixture, operation).await.unwrap();
        for (kind, promise) in cells {
            let _ = fs::remove_file(fixture.home.join("up"));
            // What was read from a stream cannot be sent again; and a local file's upload has less
            // patience than the server asks for.
            let promise =
                if kind == "status=429" && operation != "files.write" { Fails(429) } else { promise };
            let fault = fault(kind, "/files/", Some(1));
            matrix
                .case(&fixture, operation, &fault, promise, &truth, async || run(&fixture, operation).await)
                .await;
            nothing_half(&fixture, &fault);
        }
    }
    matrix.end();
}
