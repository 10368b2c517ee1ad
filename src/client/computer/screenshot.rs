//! Pictures of the screen.

use super::display::{DisplayInfo, Screen};
use super::mouse::Position;
use super::reading;
use crate::client::error::{Error, Result};
use crate::client::json;
use crate::client::operation::Context;
use crate::client::sandbox::{Area, Sandbox};
use crate::client::transport::{Json, Request};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

crate::params! {
    pub struct Screenshot {
        /// A part of the screen; absent: all of it. What of it lies outside the screen is black; a region that
        /// lies outside altogether is INVALID_ARGUMENT.
        pub region: Option<Region>,
        /// Draw the mouse.
        pub show_cursor: Option<bool> = false,
        /// `png` or `jpeg`; any other is answered as png.
        #[cfg_attr(feature = "schema", schemars(with = "Option<crate::client::known::ImageFormat>"))]
        pub format: Option<String> = "png",
        /// Of a JPEG, 1 to 100.
        #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 100)))]
        pub quality: Option<i32> = 85,
        /// The factor that width and height are scaled by, 0.1 to 1.
        #[cfg_attr(feature = "schema", schemars(range(min = 0.1, max = 1.0)))]
        pub scale: Option<f64> = 1.0,
    }
}

/// A part of the screen.
#[derive(Clone, Copy, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ScreenRegion"))]
#[serde(deny_unknown_fields)]
pub struct Region {
    /// Its left edge.
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "px")))]
    pub x: i32,
    /// Its upper edge.
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "px")))]
    pub y: i32,
    /// Its width, at least 1.
    #[cfg_attr(feature = "schema", schemars(range(min = 1), extend("unit" = "px")))]
    pub width: i32,
    /// Its height, at least 1.
    #[cfg_attr(feature = "schema", schemars(range(min = 1), extend("unit" = "px")))]
    pub height: i32,
}

/// A picture of the screen.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(extend("absentOrNull" = true)))]
#[serde(rename_all = "camelCase")]
pub struct ScreenshotTaken {
    /// The image in base64; computer.screenshot_image gives its bytes.
    pub screenshot: String,
    /// Where the mouse is; without `showCursor` of no meaning, and with `scale` scaled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor_position: Option<Position>,
    /// The image's length, where `format`, `quality` or `scale` is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "bytes")))]
    pub size_bytes: Option<i64>,
}

impl Area {
    fn of(displays: &DisplayInfo) -> Option<Self> {
        let screens = displays.displays.as_deref().filter(|screens| !screens.is_empty())?;
        let edge = |edges: fn(&Screen) -> i64| screens.iter().map(edges);
        Some(Self {
            left: edge(|screen| screen.x).min()?,
            top: edge(|screen| screen.y).min()?,
            right: edge(|screen| screen.x + screen.width).max()?,
            bottom: edge(|screen| screen.y + screen.height).max()?,
        })
    }

    fn meets(&self, region: &Region) -> bool {
        let (x, y) = (i64::from(region.x), i64::from(region.y));
        x < self.right
            && y < self.bottom
            && x + i64::from(region.width) > self.left
            && y + i64::from(region.height) > self.top
    }
}

pub async fn screenshot(sandbox: Sandbox, params: Screenshot, _: Context) -> Result<Json> {
    taken(&sandbox, &params, "computer.screenshot").await
}

pub async fn screenshot_image(sandbox: Sandbox, params: Screenshot, _: Context) -> Result<Vec<u8>> {
    let taken = taken(&sandbox, &params, "computer.screenshot_image").await?;
    image(&taken)
}

async fn taken(sandbox: &Sandbox, params: &Screenshot, operation: &str) -> Result<Json> {
    check(params, operation)?;
    if let Some(region) = &params.region {
        check_place(sandbox, region, operation).await?;
    }
    request(sandbox, params).await?.send().await?.object("a screenshot").await
}

fn check(params: &Screenshot, operation: &str) -> Result<()> {
    let invalid = |what: &str| Err(Error::invalid(format!("{operation}: {what}")));
    if params.region.is_some_and(|region| region.width < 1 || region.height < 1) {
        return invalid("the `width` and `height` of `region` must be at least 1");
    }
    if params.quality.is_some_and(|quality| !(1..=100).contains(&quality)) {
        return invalid("`quality` must be from 1 to 100");
    }
    if params.scale.is_some_and(|scale| !(0.1..=1.0).contains(&scale)) {
        return invalid("`scale` must be from 0.1 to 1");
    }
    Ok(())
}

/// The server answers a black picture for a region outside the screen. The screen's size is read once; again only
/// where a region seems to lie outside.
async fn check_place(sandbox: &Sandbox, region: &Region, operation: &str) -> Result<()> {
    let known = *sandbox.desktop_notes().area.lock();
    if known.is_some_and(|area| area.meets(region)) {
        return Ok(());
    }
    let displays = match reading(sandbox, "display/info", "a list of screens").await {
        Ok(displays) => displays,
        // What the server refuses, and a desktop that was not started, the screenshot's own answer says better.
        Err(error) if error.is_answered() => return Ok(()),
        Err(error) => return Err(error),
    };
    let Some(area) = json::read(&displays.text).ok().as_ref().and_then(Area::of) else { return Ok(()) };
    *sandbox.desktop_notes().area.lock() = Some(area);
    if area.meets(region) {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "{operation}: the region at {},{} of {}x{} lies outside the screen, which is {}x{} at {},{}: see \
         computer.display_info",
        region.x,
        region.y,
        region.width,
        region.height,
        area.right - area.left,
        area.bottom - area.top,
        area.left,
        area.top
    )))
}

async fn request(sandbox: &Sandbox, params: &Screenshot) -> Result<Request> {
    let compressed = params.format.is_some() || params.quality.is_some() || params.scale.is_some();
    let path = match (params.region.is_some(), compressed) {
        (false, false) => "computeruse/screenshot",
        (false, true) => "computeruse/screenshot/compressed",
        (true, false) => "computeruse/screenshot/region",
        (true, true) => "computeruse/screenshot/region/compressed",
    };
    let mut request = sandbox.toolbox(Method::GET, path).await?;
    if let Some(Region { x, y, width, height }) = params.region {
        for (key, value) in [("x", x), ("y", y), ("width", width), ("height", height)] {
            request = request.query(key, &value.to_string());
        }
    }
    let options = [
        ("format", params.format.clone()),
        ("quality", params.quality.map(|quality| quality.to_string())),
        ("scale", params.scale.map(|scale| scale.to_string())),
        ("showCursor", params.show_cursor.map(|show| show.to_string())),
    ];
    Ok(request.query_given(options))
}

/// The image of an answer. It is decoded from where it stands in the answer: its text is not copied.
fn image(taken: &Json) -> Result<Vec<u8>> {
    #[derive(Deserialize)]
    struct Answer<'a> {
        /// Owned only where the text has escapes, which base64 does not need.
        #[serde(borrow)]
        screenshot: Cow<'a, str>,
    }
    let unusable = |why: String| taken.error(format!("the server's answer has no image in base64: {why}"));
    let answer: Answer =
        serde_json::from_slice(&taken.text).map_err(|error| unusable(json::describe(&error)))?;
    let text = answer.screenshot.as_bytes();
    // One byte more, for the NUL behind what C callers get.
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 4);
    STANDARD.decode_vec(text, &mut bytes).map_err(|error| unusable(error.to_string()))?;
    if bytes.is_empty() {
        return Err(unusable("it is empty".to_owned()));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image_of(json: &str) -> Result<Vec<u8>> {
        image(&json.as_bytes().to_vec().into())
    }

    #[test]
    fn an_image_is_decoded_wherever_it_stands_and_however_it_is_escaped() {
        for json in [
            r#"{"screenshot":"aGk/Pw=="}"#,
            r#"{"sizeBytes":4,"cursorPosition":{"x":0,"y":0},"screenshot":"aGk/Pw==","new":[1]}"#,
            r#"{"screenshot":"aGk\/Pw\u003d="}"#,
        ] {
            assert_eq!(image_of(json).unwrap(), b"hi??", "{json}");
        }
    }

    #[test]
    fn what_holds_no_image_is_a_protocol_error() {
        for json in [
            r#"{}"#,
            r#"{"screenshot":null}"#,
            r#"{"screenshot":""}"#,
            r#"{"screenshot":"aGk/P"}"#,
            r#"{"screenshot":"not base64"}"#,
            r#"{"screenshot":7}"#,
        ] {
            assert_eq!(image_of(json).unwrap_err().status(), crate::client::status::PROTOCOL, "{json}");
        }
    }

    #[test]
    fn a_region_meets_the_screen_where_a_pixel_does() {
        let area = Area { left: 0, top: 0, right: 1024, bottom: 768 };
        let region = |x, y, width, height| Region { x, y, width, height };
        for inside in [region(0, 0, 1, 1), region(1023, 767, 9, 9), region(-9, -9, 10, 10)] {
            assert!(area.meets(&inside), "{inside:?}");
        }
        for outside in [region(1024, 0, 9, 9), region(0, 768, 9, 9), region(-9, 0, 9, 9), region(0, -9, 9, 9)]
        {
            assert!(!area.meets(&outside), "{outside:?}");
        }
        assert!(!area.meets(&region(i32::MAX, i32::MAX, i32::MAX, i32::MAX)));
    }
}
