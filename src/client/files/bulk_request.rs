//! The request for many files, each a part of the answer.

use super::multipart::Multipart;
use crate::client::error::Result;
use crate::client::sandbox::Sandbox;
use crate::client::transport::Response;
use http::Method;
use serde::Serialize;

pub(super) async fn request(sandbox: &Sandbox, paths: &[&str]) -> Result<Multipart<Response>> {
    #[derive(Serialize)]
    struct Body<'a> {
        paths: &'a [&'a str],
    }
    let limit = sandbox.client().config().idle_timeout;
    let request = sandbox.toolbox(Method::POST, "files/bulk-download").await?;
    let request = request.json(&Body { paths }).header("accept", "multipart/form-data").deadline(limit);
    let response = request.send().await?;
    let content_type = response.header("content-type").map(str::to_owned);
    Multipart::new(content_type.as_deref(), response)
}
