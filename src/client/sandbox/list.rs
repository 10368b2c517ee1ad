//! Lists of sandboxes. The server's JSON is passed through: items are neither parsed nor serialized again.

use crate::client::Client;
use crate::client::api_version::{self, V0_205, V0_226};
use crate::client::error::{Error, Result};
use crate::client::operation::Context;
use crate::client::status;
use crate::client::transport::{Json, Request};
use http::Method;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::{BTreeMap, HashSet};

crate::params! {
    #[derive(Default)]
    pub struct List {
        /// Labels that the sandboxes have, all of them.
        pub labels: Option<BTreeMap<String, String>>,
        /// The page, from 1 on. Where the server knows only cursors they are walked up to it, and the
        /// totals are absent.
        #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
        pub page: Option<u32>,
        /// Items a page, 1 to 200.
        #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 200)))]
        pub limit: Option<u32> = 100,
        /// `nextCursor` of the page before.
        pub cursor: Option<String>,
        /// A prefix of the id.
        pub id: Option<String>,
        /// A prefix of the name, in any case.
        pub name: Option<String>,
        /// Only sandboxes in these states.
        #[cfg_attr(feature = "schema", schemars(with = "Option<Vec<crate::client::known::SandboxState>>"))]
        pub states: Option<Vec<String>>,
        /// Only sandboxes of these snapshots.
        pub snapshots: Option<Vec<String>>,
        /// Only sandboxes in these regions.
        pub region_ids: Option<Vec<String>>,
        /// Only sandboxes of these classes.
        #[cfg_attr(feature = "schema", schemars(with = "Option<Vec<crate::client::known::SandboxClass>>"))]
        pub sandbox_classes: Option<Vec<String>>,
        /// Also those that failed and are to be deleted.
        pub include_errored_deleted: Option<bool> = false,
        /// Also those of warm pools. UNSUPPORTED before 0.205.
        pub include_warm: Option<bool> = false,
        /// At least so many vCPU.
        #[cfg_attr(feature = "schema", schemars(extend("unit" = "vCPU")))]
        pub min_cpu: Option<f64>,
        /// At most so many vCPU.
        #[cfg_attr(feature = "schema", schemars(extend("unit" = "vCPU")))]
        pub max_cpu: Option<f64>,
        /// At least so many GiB of memory.
        #[cfg_attr(feature = "schema", schemars(extend("unit" = "GiB")))]
        pub min_memory_gi_b: Option<f64>,
        /// At most so many GiB of memory.
        #[cfg_attr(feature = "schema", schemars(extend("unit" = "GiB")))]
        pub max_memory_gi_b: Option<f64>,
        /// At least so many GiB of disk.
        #[cfg_attr(feature = "schema", schemars(extend("unit" = "GiB")))]
        pub min_disk_gi_b: Option<f64>,
        /// At most so many GiB of disk.
        #[cfg_attr(feature = "schema", schemars(extend("unit" = "GiB")))]
        pub max_disk_gi_b: Option<f64>,
        /// At least so many GPUs. UNSUPPORTED before 0.226.
        pub min_gpu: Option<f64>,
        /// At most so many GPUs. UNSUPPORTED before 0.226.
        pub max_gpu: Option<f64>,
        /// Only public ones, or only others.
        pub is_public: Option<bool>,
        /// Only recoverable ones, or only others.
        pub is_recoverable: Option<bool>,
        /// Created after this time.
        #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
        pub created_at_after: Option<String>,
        /// Created before this time.
        #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
        pub created_at_before: Option<String>,
        /// Active after this time.
        #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
        pub last_event_after: Option<String>,
        /// Active before this time.
        #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
        pub last_event_before: Option<String>,
        /// To be destroyed after this time. UNSUPPORTED before 0.205.
        #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
        pub auto_destroy_at_after: Option<String>,
        /// To be destroyed before this time. UNSUPPORTED before 0.205.
        #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
        pub auto_destroy_at_before: Option<String>,
        /// What the list is sorted by.
        #[cfg_attr(feature = "schema", schemars(with = "Option<crate::client::known::SandboxSort>"))]
        pub sort: Option<String>,
        /// The direction.
        #[cfg_attr(feature = "schema", schemars(with = "Option<crate::client::known::SortOrder>"))]
        pub order: Option<String>,
    }
}

/// A page of sandboxes.
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "SandboxPage", extend("absentOrNull" = true))
)]
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    /// The sandboxes, as the server describes them.
    pub items: Vec<super::Described>,
    /// The cursor of the next page; null or absent after the last, and where the server counts pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// How many sandboxes there are; absent where the server does not count them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// The number of this page; absent where the server does not count them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u64>,
    /// How many pages there are; absent where the server does not count them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_pages: Option<u64>,
}

impl List {
    pub(super) fn labelled(labels: BTreeMap<String, String>) -> Self {
        Self { labels: Some(labels), limit: Some(1), ..Self::default() }
    }

    /// Adds the filters to a request; `paged` is the older endpoint, which names some of them differently.
    fn filters(&self, request: Request, paged: bool) -> Request {
        let text = |value: &Option<String>| value.clone();
        let truth = |value: Option<bool>| value.map(|value| value.to_string());
        let number = |value: Option<f64>| value.map(|value| value.to_string());
        let labels = self.labels.as_ref().and_then(|labels| serde_json::to_string(labels).ok());
        let singles = [
            ("labels", labels),
            ("limit", self.limit.map(|limit| limit.to_string())),
            ("id", text(&self.id)),
            ("name", text(&self.name)),
            ("includeErroredDeleted", truth(self.include_errored_deleted)),
            ("includeWarm", truth(self.include_warm)),
            ("minCpu", number(self.min_cpu)),
            ("maxCpu", number(self.max_cpu)),
            ("minMemoryGiB", number(self.min_memory_gi_b)),
            ("maxMemoryGiB", number(self.max_memory_gi_b)),
            ("minDiskGiB", number(self.min_disk_gi_b)),
            ("maxDiskGiB", number(self.max_disk_gi_b)),
            ("minGpu", number(self.min_gpu)),
            ("maxGpu", number(self.max_gpu)),
            ("isPublic", truth(self.is_public)),
            ("isRecoverable", truth(self.is_recoverable)),
            ("createdAtAfter", text(&self.created_at_after)),
            ("createdAtBefore", text(&self.created_at_before)),
            ("lastEventAfter", text(&self.last_event_after)),
            ("lastEventBefore", text(&self.last_event_before)),
            ("autoDestroyAtAfter", text(&self.auto_destroy_at_after)),
            ("autoDestroyAtBefore", text(&self.auto_destroy_at_before)),
            ("sort", text(&self.sort)),
            ("order", text(&self.order)),
        ];
        let mut request = request.query_given(singles);
        let regions = if paged { "regions" } else { "regionIds" };
        let lists = [
            ("states", &self.states),
            ("snapshots", &self.snapshots),
            (regions, &self.region_ids),
            ("sandboxClasses", &self.sandbox_classes),
        ];
        for (key, values) in lists {
            for value in values.iter().flatten() {
                request = request.query(key, value);
            }
        }
        request
    }

    /// Whether the old endpoint, which counts pages, knows every filter given.
    fn fits_pages(&self) -> bool {
        self.include_warm.is_none()
            && self.min_gpu.is_none()
            && self.max_gpu.is_none()
            && self.is_public.is_none()
            && self.is_recoverable.is_none()
            && self.sandbox_classes.is_none()
            && self.created_at_after.is_none()
            && self.created_at_before.is_none()
            && self.auto_destroy_at_after.is_none()
            && self.auto_destroy_at_before.is_none()
            && self.sort.is_none()
    }
}

pub async fn list(client: Client, params: List, _: Context) -> Result<Json> {
    if params.page == Some(0) {
        return Err(Error::invalid("sandbox.list: `page` is 0; pages count from 1"));
    }
    if params.page.is_some() && params.cursor.is_some() {
        return Err(Error::invalid("sandbox.list: give `page` or `cursor`, not both"));
    }
    let options = [
        ("includeWarm", params.include_warm == Some(true), V0_205),
        ("autoDestroyAtAfter", params.auto_destroy_at_after.is_some(), V0_205),
        ("autoDestroyAtBefore", params.auto_destroy_at_before.is_some(), V0_205),
        ("minGpu", params.min_gpu.is_some(), V0_226),
        ("maxGpu", params.max_gpu.is_some(), V0_226),
    ];
    api_version::requires(&client, "sandbox.list", &options).await?;
    page(&client, &params).await
}

/// One page: by number where the server counts pages, else by cursor.
pub(super) async fn page(client: &Client, params: &List) -> Result<Json> {
    let Some(number) = params.page else {
        return by_cursor(client, params, params.cursor.as_deref()).await;
    };
    if params.fits_pages() {
        let request = client.request(Method::GET, "sandbox/paginated");
        let request = params.filters(request, true).query("page", &number.to_string());
        match request.send().await {
            Ok(response) => return has_items(response.json().await?),
            // Gone since 0.226, where the path reads as the sandbox named "paginated".
            Err(error) if error.status() == status::HTTP_NOT_FOUND => {}
            Err(error) => return Err(error),
        }
    }
    let mut answer = by_cursor(client, params, None).await?;
    let mut asked = HashSet::new();
    for _ in 1..number {
        let Some(cursor) = next_cursor(&answer)? else {
            return Ok(br#"{"items":[],"nextCursor":null}"#.to_vec().into());
        };
        if !asked.insert(cursor.clone()) {
            let message =
                "the server's list of sandboxes goes in a circle: it named the same next page twice";
            return Err(answer.error(message));
        }
        answer = by_cursor(client, params, Some(&cursor)).await?;
    }
    Ok(answer)
}

/// One page by cursor. Old servers answer a bare array, which is wrapped into the newer shape.
async fn by_cursor(client: &Client, params: &List, cursor: Option<&str>) -> Result<Json> {
    let request =
        params.filters(client.request(Method::GET, "sandbox"), false).query_given([("cursor", cursor)]);
    let answer = request.send().await?.json().await?;
    if !answer.text.trim_ascii_start().starts_with(b"[") {
        return has_items(answer);
    }
    let mut wrapped = Vec::with_capacity(answer.text.len() + 32);
    wrapped.extend_from_slice(br#"{"items":"#);
    wrapped.extend_from_slice(&answer.text);
    wrapped.extend_from_slice(br#","nextCursor":null}"#);
    Ok(answer.rewritten(wrapped))
}

/// Refuses an answer without a list, as a proxy gives it: callers go over `items`.
fn has_items(page: Json) -> Result<Json> {
    #[derive(Deserialize)]
    struct Page {
        #[serde(rename = "items")]
        _items: Vec<IgnoredAny>,
    }
    super::reading::parse::<Page>(&page, "a list of sandboxes")?;
    Ok(page)
}

fn next_cursor(page: &Json) -> Result<Option<String>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Next {
        next_cursor: Option<String>,
    }
    super::reading::parse::<Next>(page, "a list").map(|page| page.next_cursor)
}
