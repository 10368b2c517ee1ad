//! `Content-Length` or chunks: Go's server sets a length on answers that fit its first buffer and sends all
//! longer ones in chunks, as the recordings show.

use axum::{
    body::Body,
    http::{
        HeaderMap,
        header::{CONTENT_LENGTH, CONTENT_TYPE},
    },
    response::Response,
};

/// The size of that buffer.
const MAX_LENGTH_BYTES: u64 = 2048;

/// For `axum::middleware::map_response`: removes the length of long JSON and text. Files keep theirs.
pub async fn as_go_frames(response: Response) -> Response {
    let length = axum::body::HttpBody::size_hint(response.body()).exact();
    if length.is_none_or(|length| length <= MAX_LENGTH_BYTES) || !is_text(response.headers()) {
        return response;
    }
    let (mut head, body) = response.into_parts();
    head.headers.remove(CONTENT_LENGTH);
    Response::from_parts(head, Body::from_stream(body.into_data_stream()))
}

fn is_text(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).and_then(|content_type| content_type.to_str().ok()).is_some_and(
        |content_type| content_type.starts_with("application/json") || content_type.starts_with("text/plain"),
    )
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;

    use super::*;

    async fn length_of(response: Response) -> Option<u64> {
        axum::body::HttpBody::size_hint(as_go_frames(response).await.body()).exact()
    }

    #[tokio::test]
    async fn only_long_text_comes_in_chunks() {
        let json = |length| axum::Json("x".repeat(length)).into_response();
        assert_eq!(length_of(json(2046)).await, Some(2048));
        assert_eq!(length_of(json(2047)).await, None);
        assert_eq!(length_of(vec![0u8; 5000].into_response()).await, Some(5000));
    }

    #[tokio::test]
    async fn chunks_carry_the_same_bytes() {
        let text = "x".repeat(5000);
        let response = as_go_frames(text.clone().into_response()).await;
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        assert_eq!(bytes, text);
    }
}
