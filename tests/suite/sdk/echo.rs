//! Values, errors and streams of the Rust SDK, with the echo target.

use crate::support::soon;
use daytona::client::{codes, status};
use daytona::{Channel, Echo, ErrorClass};
use std::time::Duration;

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
    let error = soon(Echo::default().stream().channel(9).into_future()).await.err().expect("no such channel");
    assert_eq!(error.class(), ErrorClass::InvalidArgument);
    assert!(error.is(ErrorClass::BadRequest) && error.to_string().contains("channel"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_calls_of_64_tasks_all_come_back() {
    let tasks: Vec<_> = (0..64_u32)
        .map(|task| {
            tokio::spawn(async move {
                for call in 0..1600_u32 {
                    let sent = [task.to_le_bytes(), call.to_le_bytes()].concat();
                    assert_eq!(Echo::default().bytes(sent.clone()).await.unwrap(), sent);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}
