//! Values, errors and streams of the Rust SDK, with the echo target.

use crate::support::{soon, until};
use daytona::client::{codes, status};
use daytona::types::{ClientConfig, Image, Resources};
use daytona::{Channel, Client, Echo, EndlessInput, ErrorClass, NoInput};
use futures_util::FutureExt;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn bytes_come_back_as_they_were() {
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    assert_eq!(soon(Echo::default().bytes(bytes.clone()).into_future()).await.unwrap(), bytes);
    assert_eq!(soon(Echo::default().bytes("").into_future()).await.unwrap(), b"");
}

#[tokio::test]
async fn every_status_is_of_the_class_that_the_catalogue_says() {
    for (number, name, _) in status::ALL {
        if codes::NO_FAILURES.contains(number) {
            continue;
        }
        let error = soon(Echo::default().error(i64::from(*number)).into_future()).await.unwrap_err();
        assert_eq!(error.status(), *number);
        let class = codes::CLASSES.iter().find(|class| class.statuses.contains(number));
        assert_eq!(error.class().name(), class.map_or("Other", |class| class.name), "{name}");
        assert!(error.is(error.class()));
    }
}

#[tokio::test]
async fn a_code_is_of_a_finer_class_below_that_of_its_status() {
    let coded = soon(Echo::default().error(404).code("FILE_NOT_FOUND").into_future()).await.unwrap_err();
    assert_eq!(coded.class(), ErrorClass::FileNotFound);
    assert_eq!(coded.class().parent(), Some(ErrorClass::NotFound));
    assert!(coded.is(ErrorClass::NotFound) && !coded.is(ErrorClass::Conflict));
}

#[tokio::test]
async fn a_time_limit_ends_a_request() {
    let late = Echo::default().delay(Duration::from_secs(3600)).time_limit(Duration::from_millis(20));
    assert_eq!(soon(late.into_future()).await.unwrap_err().class(), ErrorClass::Timeout);
}

#[tokio::test]
async fn a_stream_has_its_chunks_in_order_and_then_its_end() {
    let mut output =
        soon(Echo::default().stream().chunks(100).size(1000).channel(2).into_future()).await.unwrap();
    let mut bytes = 0;
    let mut position = 0;
    while let Some(chunk) = soon(output.next()).await {
        let chunk = chunk.unwrap();
        assert!(chunk.is_stderr() && chunk.channel == Channel::Stderr && chunk.position > position);
        position = chunk.position;
        bytes += chunk.data.len();
    }
    assert_eq!(bytes, 100_000);
    assert_eq!(soon(output.finish()).await.unwrap().bytes, 100_000);
}

#[tokio::test]
async fn what_is_written_comes_back_until_the_input_is_ended() {
    let mut output = soon(Echo::default().stream().echo(true).into_future()).await.unwrap();
    let written = vec![7; 3 << 20];
    let mut read = Vec::new();
    for piece in written.chunks(64 << 10) {
        soon(output.write(piece)).await.unwrap();
        read.extend(soon(output.next()).await.unwrap().unwrap().data);
    }
    output.end_input();
    while let Some(chunk) = soon(output.next()).await {
        read.extend(chunk.unwrap().data);
    }
    assert_eq!(read, written);
    soon(output.finish()).await.unwrap();
}

#[tokio::test]
async fn what_panics_inside_is_told_and_a_refused_parameter_is_named() {
    let error = soon(Echo::default().stream().channel(9).into_future()).await.expect_err("no such channel");
    assert_eq!(error.class(), ErrorClass::InvalidArgument);
    assert!(error.is(ErrorClass::BadRequest) && error.to_string().contains("channel"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_calls_of_64_tasks_all_come_back() {
    soak(async |calls| {
        let tasks: Vec<_> = (0..64)
            .map(|task| {
                tokio::spawn(async move {
                    let echo = Echo::default();
                    for number in (task..calls).step_by(64) {
                        let Value::Object(sent) = json!({ "number": number }) else { unreachable!() };
                        assert_eq!(echo.value(sent.clone()).await.unwrap(), sent);
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    })
    .await;
}

/// Makes 100,000 calls; with `DAYTONA_ECHO_CALLS` that many, after a tenth of them to warm up, and then neither resident
/// memory nor descriptors may have grown.
async fn soak(calls: impl AsyncFn(u32)) {
    let Ok(given) = std::env::var("DAYTONA_ECHO_CALLS") else { return calls(100_000).await };
    let count: u32 = given.parse().unwrap();
    calls(count / 10).await;
    let before = held();
    calls(count).await;
    let after = held();
    println!(
        "soak Rust: {count} calls, resident {} -> {} KiB, descriptors {} -> {}",
        before.0, after.0, before.1, after.1
    );
    assert!(after.0 <= before.0 + (8 << 10) && after.1 <= before.1, "something leaks");
}

/// The resident memory in KiB, and the number of open descriptors.
fn held() -> (u64, usize) {
    let pages: u64 =
        std::fs::read_to_string("/proc/self/statm").unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    (pages * 4, std::fs::read_dir("/proc/self/fd").unwrap().count())
}

#[tokio::test]
async fn any_object_comes_back_as_it_was() {
    let Value::Object(sent) =
        json!({ "text": "grüße \0", "big": u64::MAX, "least": i64::MIN, "list": [1.5, null] })
    else {
        unreachable!()
    };
    assert_eq!(soon(Echo::default().value(sent.clone()).into_future()).await.unwrap(), sent);
    let (other, came) = soon(Echo::default().handle(sent.clone()).into_future()).await.unwrap();
    assert_eq!(came, sent);
    assert_eq!(soon(other.operation("echo.value", &sent).into_future()).await.unwrap(), Value::Object(sent));
}

#[tokio::test]
async fn a_panic_inside_is_an_error_and_the_target_goes_on() {
    let echo = Echo::default();
    let error = soon(echo.panic().into_future()).await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Panic);
    assert_eq!(soon(echo.bytes("on").into_future()).await.unwrap(), b"on");
}

#[tokio::test]
async fn closing_a_target_ends_what_is_pending_and_refuses_what_begins() {
    let echo = Echo::default();
    let pending = tokio::spawn(echo.delay(Duration::from_secs(3600)).into_future());
    let mut stream = soon(echo.stream().echo(true).into_future()).await.unwrap();
    soon(stream.write(b"x")).await.unwrap();
    assert_eq!(&soon(stream.next()).await.unwrap().unwrap().data[..], b"x");
    echo.close();
    assert_eq!(soon(pending).await.unwrap().unwrap_err().class(), ErrorClass::Closed);
    assert_eq!(soon(stream.next()).await.unwrap().unwrap_err().class(), ErrorClass::Closed);
    assert_eq!(soon(echo.bytes("x").into_future()).await.unwrap_err().class(), ErrorClass::Closed);
    assert_eq!(soon(echo.stream().into_future()).await.unwrap_err().class(), ErrorClass::Closed);
}

#[tokio::test]
async fn a_stream_is_read_and_written_as_any_other() {
    let mut stream =
        soon(Echo::default().stream().echo(true).buffer_bytes(64 << 10).into_future()).await.unwrap();
    let sent: Vec<u8> = (0..=255).cycle().take(3 << 20).collect();
    let mut input = stream.input();
    let writing = tokio::spawn(async move {
        input.write_all(&sent).await.unwrap();
        input.shutdown().await.unwrap();
        sent
    });
    let mut came = Vec::new();
    soon(stream.read_to_end(&mut came)).await.unwrap();
    assert_eq!(came, soon(writing).await.unwrap());
    assert_eq!(soon(stream.finish()).await.unwrap().bytes, 3 << 20);
}

#[tokio::test]
async fn a_piece_that_was_read_in_part_is_not_lost() {
    let mut stream = soon(Echo::default().stream().chunks(2).size(10).into_future()).await.unwrap();
    let mut first = [0; 4];
    soon(stream.read_exact(&mut first)).await.unwrap();
    assert_eq!(&first, b"aaaa");
    assert_eq!(&soon(stream.next()).await.unwrap().unwrap().data[..], b"aaaaaa");
    assert_eq!(&soon(stream.next()).await.unwrap().unwrap().data[..], b"bbbbbbbbbb");
    assert!(soon(stream.next()).await.is_none());
}

#[tokio::test]
async fn several_writers_all_get_room() {
    let mut stream =
        soon(Echo::default().stream().echo(true).buffer_bytes(64 << 10).into_future()).await.unwrap();
    let writers: Vec<_> = (0..8_u8)
        .map(|number| {
            let input = stream.input();
            tokio::spawn(async move { input.write(&vec![number; 256 << 10]).await })
        })
        .collect();
    let mut counts = [0; 8];
    while counts.iter().sum::<usize>() < 8 * (256 << 10) {
        for byte in &soon(stream.next()).await.unwrap().unwrap().data {
            counts[usize::from(*byte)] += 1;
        }
    }
    for writer in writers {
        soon(writer).await.unwrap().unwrap();
    }
    assert_eq!(counts, [256 << 10; 8]);
}

#[tokio::test]
async fn an_error_of_a_stream_is_an_io_error_of_its_kind() {
    let late = Echo::default().stream().echo(true).time_limit(Duration::from_millis(20));
    let mut stream = soon(late.into_future()).await.unwrap();
    let error = soon(stream.read_u8()).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<daytona::Error>());
    assert_eq!(inner.map(daytona::Error::class), Some(ErrorClass::Timeout));
    // And no end of file afterwards.
    assert_eq!(soon(stream.read_u8()).await.unwrap_err().kind(), std::io::ErrorKind::TimedOut);
    assert!(soon(stream.next()).await.is_none());
    assert_eq!(soon(stream.write(b"x")).await.unwrap_err().class(), ErrorClass::Timeout);
    let input = stream.input();
    assert_eq!(soon(stream.finish()).await.unwrap_err().class(), ErrorClass::Timeout);
    assert_eq!(soon(input.write(b"x")).await.unwrap_err().class(), ErrorClass::Timeout);
}

#[test]
fn outside_a_runtime_a_request_is_an_error_that_says_so() {
    let stream = Echo::default().stream().into_future().now_or_never().map(|opened| opened.map(drop));
    let call = Echo::default().delay(Duration::ZERO).into_future().now_or_never();
    for outcome in [stream, call] {
        let error = outcome.expect("nothing to wait for").unwrap_err();
        assert_eq!(error.class(), ErrorClass::InvalidArgument);
        assert!(error.to_string().contains("needs a Tokio runtime"), "{error}");
    }
    let without_time = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let late = Echo::default().delay(Duration::ZERO).time_limit(Duration::from_secs(1));
    let error = without_time.block_on(late.into_future()).unwrap_err();
    assert_eq!(error.class(), ErrorClass::InvalidArgument);
    assert!(error.to_string().contains("enable_time"), "{error}");
}

#[tokio::test]
async fn finishing_ends_an_input_that_nobody_else_has() {
    let stream = soon(Echo::default().stream().echo(true).into_future()).await.unwrap();
    soon(stream.write(b"abc")).await.unwrap();
    assert_eq!(soon(stream.finish()).await.unwrap().bytes, 3);

    let stream = soon(Echo::default().stream().echo(true).into_future()).await.unwrap();
    let input = stream.input();
    let finished = tokio::spawn(stream.finish());
    for _ in 0..10 {
        soon(input.write(b"abc")).await.unwrap();
        tokio::task::yield_now().await;
    }
    input.end();
    assert_eq!(soon(finished).await.unwrap().unwrap().bytes, 30);
    assert_eq!(soon(input.write(b"x")).await.unwrap_err().class(), ErrorClass::Closed);

    // One that ends by itself.
    let stream = soon(Echo::default().stream().chunks(1).into_future()).await.unwrap();
    let input = stream.input();
    soon(stream.finish()).await.unwrap();
    assert_eq!(soon(input.write(b"x")).await.unwrap_err().class(), ErrorClass::Closed);
}

#[tokio::test]
async fn a_dropped_stream_takes_no_more_input() {
    let stream = soon(Echo::default().stream().echo(true).into_future()).await.unwrap();
    let input = stream.input();
    drop(stream);
    until("the stream is closed", async || {
        input.write(b"x").await.is_err_and(|it| it.class() == ErrorClass::Closed)
    })
    .await;
    assert_eq!(input.write(b"x").await.unwrap_err().detail().operation, Some("echo.stream"));
}

#[test]
fn a_configuration_that_is_wrong_is_an_error_that_names_the_option() {
    let config = daytona::types::ClientConfig { retries: Some(-3), ..Default::default() };
    let error = daytona::Client::new(config).map(drop).unwrap_err();
    assert!(error.to_string().contains("`retries` has to be a whole number from 0"), "{error}");
}

/// One that is never asked.
fn client() -> Client {
    Client::new(ClientConfig { api_key: Some("key".into()), ..Default::default() }).unwrap()
}

#[tokio::test]
async fn a_number_that_json_does_not_have_is_refused_and_not_left_out() {
    for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let error = soon(client().list().min_cpu(number).into_future()).await.unwrap_err();
        assert_eq!(error.class(), ErrorClass::InvalidArgument);
        assert!(error.to_string().contains("`minCpu` has no JSON"), "{error}");
    }
}

#[test]
fn what_is_read_as_a_parameter_has_no_unknown_field() {
    let unknown = json!({ "base": "debian:12", "apiUrll": "x", "cpus": 1 });
    for error in [
        serde_json::from_value::<ClientConfig>(unknown.clone()).map(drop).unwrap_err(),
        serde_json::from_value::<Image>(unknown.clone()).map(drop).unwrap_err(),
        serde_json::from_value::<Resources>(unknown.clone()).map(drop).unwrap_err(),
    ] {
        assert!(error.to_string().starts_with("unknown field"), "{error}");
    }
}

#[tokio::test]
async fn an_image_keeps_the_order_of_its_variables_in_both_of_its_forms() {
    let json = json!({ "base": "debian:12", "steps": [{ "env": { "Z": "1", "A": "2" } }] });
    let typed: Image = serde_json::from_value(json.clone()).unwrap();
    for dockerfile in [
        soon(client().image().dockerfile(&typed).into_future()).await.unwrap(),
        soon(client().image().dockerfile(&json).into_future()).await.unwrap(),
        soon(client().operation("image.dockerfile", json!({ "image": json })).into_future())
            .await
            .unwrap()
            .as_str()
            .unwrap()
            .to_owned(),
    ] {
        assert_eq!(dockerfile, "FROM debian:12\nENV Z=1\nENV A=2\n");
    }
}

#[tokio::test]
async fn a_request_by_name_that_is_taken_in_another_way_is_not_sent() {
    let echo = Echo::default();
    let named = |name| echo.operation(name, ());
    for (error, what) in [
        (soon(named("echo.bytes").into_future()).await.unwrap_err(), "echo.bytes gives bytes"),
        (soon(named("echo.panic").bytes()).await.unwrap_err(), "echo.panic gives JSON"),
        (soon(named("echo.panic").body("x").into_future()).await.unwrap_err(), "echo.panic takes no body"),
        (
            soon(named("echo.stream").stream::<EndlessInput>()).await.unwrap_err(),
            "echo.stream takes input until its end",
        ),
        (soon(named("echo.stream").into_future()).await.unwrap_err(), "it is a stream"),
        (soon(named("echo.stream").bytes()).await.unwrap_err(), "it is a stream"),
    ] {
        assert_eq!(error.class(), ErrorClass::InvalidArgument, "{error}");
        assert!(error.to_string().starts_with(what), "{error}");
        assert!(error.detail().operation.is_some(), "{error}");
    }
    assert_eq!(soon(named("echo.bytes").body("x").bytes()).await.unwrap(), b"x");
    drop(soon(named("echo.stream").stream::<NoInput>()).await.unwrap());
}

#[test]
fn what_is_printed_of_a_request_has_no_secret() {
    let spec = daytona::SandboxSpec::default().name("box").env([("TOKEN", "geheim")]);
    assert_eq!(format!("{spec:?}"), "SandboxSpec({\"name\", \"env\"})");
    let config = daytona::types::ClientConfig {
        api_key: Some("geheim".into()),
        target: Some("eu".into()),
        ..Default::default()
    };
    let shown = format!("{config:?}");
    assert!(shown.contains("eu") && !shown.contains("geheim"), "{shown}");
    let client = daytona::Client::new(config).unwrap();
    assert!(!format!("{client:?} {:?}", client.secret().create("name", "geheim")).contains("geheim"));
}
