//! How long an answer says it is. Go's server sets `Content-Length` on what fits its first buffer and
//! cuts everything longer into chunks; recorded answers show it, and a client must read both.

use axum::{
    body::Body,
    http::{
        HeaderMap,
        header::{CONTENT_LENGTH, CONTENT_TYPE},
    },
    response::Response,
};

/// Go's buffer of an answer that has not been begun.
const WHOLE: u64 = 2048;

/// For `axum::middleware::map_response`: long JSON and text come in chunks. Files know their length
/// beforehand and say it.
pub async fn as_go_cuts(response: Response) -> Response {
    let length = axum::body::HttpBody::size_hint(response.body()).exact();
    if length.is_none_or(|length| length <= WHOLE) || !is_text(response.headers()) {
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
        axum::body::HttpBody::size_hint(as_go_cuts(response).await.body()).exact()
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
        let response = as_go_cuts(text.clone().into_response()).await;
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        assert_eq!(bytes, text);
    }
}
