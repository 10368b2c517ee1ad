//! Bodies that end early or never, under headers that announce all of them; and until when a body keeps its connection
//! from being idle.

use super::io::Answering;
use axum::body::{Body, Bytes};
use axum::http::{Response, header};
use futures_util::{StreamExt, stream};
use http_body::{Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

const FLUSH_DELAY: Duration = Duration::from_millis(20);

/// Sends `bytes` of the body, then fails, which drops the connection.
pub fn cut_after(response: Response<Body>, bytes: usize) -> Response<Body> {
    let cut = async {
        // Lets hyper flush what was sent.
        tokio::time::sleep(FLUSH_DELAY).await;
        Err(std::io::Error::other("cut"))
    };
    truncated(response, bytes, stream::once(cut).boxed())
}

/// Sends `bytes` of the body, then nothing.
pub fn stall_after(response: Response<Body>, bytes: usize) -> Response<Body> {
    truncated(response, bytes, stream::pending().boxed())
}

fn truncated(
    response: Response<Body>,
    bytes: usize,
    end: stream::BoxStream<'static, Result<Bytes, std::io::Error>>,
) -> Response<Body> {
    let (mut parts, body) = response.into_parts();
    // A body without a length is sent in chunks, of which the last is missing.
    if let Some(length) = http_body::Body::size_hint(&body).exact() {
        parts.headers.insert(header::CONTENT_LENGTH, length.into());
    }
    let mut left = bytes;
    let beginning = body.into_data_stream().map(move |chunk| {
        let mut chunk = chunk.map_err(std::io::Error::other)?;
        chunk.truncate(left);
        left -= chunk.len();
        Ok::<_, std::io::Error>(chunk)
    });
    let beginning = beginning.take_while(|chunk| {
        let more = chunk.as_ref().is_ok_and(|chunk| !chunk.is_empty());
        async move { more }
    });
    Response::from_parts(parts, Body::from_stream(beginning.chain(end)))
}

/// The body of an answer, whose connection is not idle until all of it is sent.
pub fn of_answer(body: Body, answering: Answering) -> Body {
    Body::new(OfAnswer { body, _answering: answering })
}

struct OfAnswer {
    body: Body,
    _answering: Answering,
}

impl http_body::Body for OfAnswer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
