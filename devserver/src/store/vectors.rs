//! The examples of AWS's documentation of Signature Version 4 for S3.

use super::credentials::Credentials;
use super::failure::{Failure, Reason};
use super::payload::small;
use super::signature::{Signed, check_at};
use axum::body::Body;
use axum::http::Request;
use axum::http::request::Parts;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

const NOW: OffsetDateTime = datetime!(2013-05-24 00:00 UTC);
const SCOPE: &str = "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request";
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn credentials() -> Credentials {
    Credentials::of("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
}

fn parts(method: &str, uri: &str, headers: &[(&str, &str)]) -> Parts {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

fn signed(
    method: &str,
    uri: &str,
    names: &str,
    signature: &str,
    headers: &[(&str, &str)],
) -> (Parts, Result<Signed, Failure>) {
    let authorization =
        format!("AWS4-HMAC-SHA256 Credential={SCOPE},SignedHeaders={names},Signature={signature}");
    let mut all = vec![("authorization", authorization.as_str()), ("x-amz-date", "20130524T000000Z")];
    all.extend(headers);
    let parts = parts(method, uri, &all);
    let result = check_at(&parts, &credentials(), NOW + Duration::minutes(14));
    (parts, result)
}

const HOST: (&str, &str) = ("host", "examplebucket.s3.amazonaws.com");

#[test]
fn the_documented_header_signatures_are_right() {
    let plain = "host;x-amz-content-sha256;x-amz-date";
    let hash = ("x-amz-content-sha256", EMPTY);
    let put_hash =
        ("x-amz-content-sha256", "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072");
    let put = [
        HOST,
        put_hash,
        ("date", "Fri, 24 May 2013 00:00:00 GMT"),
        ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
    ];
    type Example<'a> = (&'a str, &'a str, &'a str, &'a str, &'a [(&'a str, &'a str)]);
    let examples: [Example<'_>; 4] = [
        (
            "GET",
            "/test.txt",
            "host;range;x-amz-content-sha256;x-amz-date",
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
            &[HOST, hash, ("range", "bytes=0-9")],
        ),
        (
            "PUT",
            "/test%24file.text",
            "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
            &put,
        ),
        (
            "GET",
            "/?lifecycle",
            plain,
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
            &[HOST, hash],
        ),
        (
            "GET",
            "/?max-keys=2&prefix=J",
            plain,
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
            &[HOST, hash],
        ),
    ];
    for (method, uri, names, signature, headers) in examples {
        assert!(signed(method, uri, names, signature, headers).1.is_ok(), "{method} {uri}");
        let other = format!("{uri}x");
        let refused = signed(method, &other, names, signature, headers).1.err().unwrap();
        assert_eq!(refused.reason(), Reason::SignatureDoesNotMatch);
    }
}

#[test]
fn the_documented_presigned_url_is_right_until_it_expires() {
    let uri = "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524\
               %2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400\
               &X-Amz-SignedHeaders=host&X-Amz-Signature=\
               aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
    let check = |now| check_at(&parts("GET", uri, &[HOST]), &credentials(), now);
    assert!(check(NOW + Duration::hours(24)).is_ok());
    let expired = check(NOW + Duration::hours(25)).err().unwrap();
    assert_eq!(expired.reason(), Reason::AccessDenied);
}

#[test]
fn a_signature_of_another_time_or_of_too_few_headers_is_refused() {
    let (signature, hash) = ("0".repeat(64), ("x-amz-content-sha256", EMPTY));
    let late = parts("GET", "/", &[HOST, hash, ("x-amz-date", "20130524T001501Z")]);
    let claim = format!("AWS4-HMAC-SHA256 Credential={SCOPE},SignedHeaders=host,Signature={signature}");
    let mut late = late;
    late.headers.insert("authorization", claim.parse().unwrap());
    assert_eq!(check_at(&late, &credentials(), NOW).err().unwrap().reason(), Reason::RequestTimeTooSkewed);
    late.headers.insert("x-amz-date", "20130524T000000Z".parse().unwrap());
    assert_eq!(check_at(&late, &credentials(), NOW).err().unwrap().reason(), Reason::AccessDenied);
}

fn chunked() -> (Parts, Signed) {
    let (parts, signed) = signed(
        "PUT",
        "/examplebucket/chunkObject.txt",
        "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;\
         x-amz-storage-class",
        "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
        &[
            ("host", "s3.amazonaws.com"),
            ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
            ("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
            ("content-encoding", "aws-chunked"),
            ("x-amz-decoded-content-length", "66560"),
            ("content-length", "66824"),
        ],
    );
    (parts, signed.ok().unwrap())
}

fn chunked_body() -> Vec<u8> {
    let chunk = |size: usize, signature: &str| {
        format!("{size:x};chunk-signature={signature}\r\n{}\r\n", "a".repeat(size))
    };
    [
        chunk(65536, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"),
        chunk(1024, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"),
        chunk(0, "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"),
    ]
    .concat()
    .into_bytes()
}

/// The body in pieces of this size.
fn pieces(body: Vec<u8>, size: usize) -> Body {
    let pieces: Vec<_> = body.chunks(size).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect();
    Body::from_stream(futures_util::stream::iter(pieces))
}

#[tokio::test]
async fn the_documented_signed_chunks_are_right_however_they_are_split() {
    for size in [1, 7, 65536, 100_000] {
        let (parts, signed) = chunked();
        let read = small(&parts, &signed, pieces(chunked_body(), size)).await.unwrap();
        assert_eq!(read, "a".repeat(66560).into_bytes());
    }
}

#[tokio::test]
async fn a_chunk_that_was_changed_cut_or_left_out_is_refused() {
    let whole = chunked_body();
    let last = whole.len() - 88;
    let mut changed = whole.clone();
    changed[200] = b'b';
    let left_out = [&whole[65536 + 89..]].concat();
    for (body, reason) in [
        (changed, Reason::SignatureDoesNotMatch),
        (left_out, Reason::SignatureDoesNotMatch),
        (whole[..40_000].to_vec(), Reason::IncompleteBody),
        (whole[..last].to_vec(), Reason::IncompleteBody),
    ] {
        let (parts, signed) = chunked();
        let refused = small(&parts, &signed, pieces(body, 4096)).await.err().unwrap();
        assert_eq!(refused.reason(), reason);
    }
}
