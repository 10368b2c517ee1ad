//! Requests for pictures of the screen.

use super::blocking;
use super::display::Display;
use super::failure::{Answer, Failure, RequestInfo};
use super::picture::{Format, Picture, Region};
use crate::toolbox::{Machine, go_json};
use axum::Router;
use axum::extract::{RawQuery, State};
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use std::str::FromStr;
use std::sync::Arc;

const QUALITY: u8 = 85;

pub fn routes() -> Router<Arc<Machine>> {
    Router::new()
        .route("/computeruse/screenshot", get(screen))
        .route("/computeruse/screenshot/region", get(region))
        .route("/computeruse/screenshot/compressed", get(compressed_screen))
        .route("/computeruse/screenshot/region/compressed", get(compressed_region))
}

/// What a picture shall be.
struct Wanted {
    region: Option<Region>,
    cursor: bool,
    compression: Option<Compression>,
}

struct Compression {
    format: Format,
    scale: f64,
}

/// The query of a request; the first of equal keys counts.
struct Query(Vec<(String, String)>);

impl Query {
    fn of(query: Option<String>) -> Self {
        Self(serde_urlencoded::from_str(&query.unwrap_or_default()).unwrap_or_default())
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn parsed<T: FromStr>(&self, name: &str, kind: &str) -> Result<Option<T>, Failure> {
        let parse = |value: &str| value.parse().map_err(|_| invalid(name, &format!("must be {kind}")));
        self.get(name).map(parse).transpose()
    }

    fn required(&self, name: &str) -> Result<i32, Failure> {
        self.parsed(name, "an integer")?
            .ok_or_else(|| Failure::bad_request(format!("missing required query parameter: {name}")))
    }

    fn length(&self, name: &str) -> Result<i32, Failure> {
        let length = self.required(name)?;
        if length > 0 { Ok(length) } else { Err(invalid(name, "must be greater than zero")) }
    }

    fn region(&self) -> Result<Region, Failure> {
        Ok(Region {
            x: self.required("x")?,
            y: self.required("y")?,
            width: self.length("width")?,
            height: self.length("height")?,
        })
    }

    fn cursor(&self) -> Result<bool, Failure> {
        let name = if self.get("show_cursor").is_some() { "show_cursor" } else { "showCursor" };
        // The words of Go.
        match self.get(name) {
            None | Some("0" | "f" | "F" | "false" | "FALSE" | "False") => Ok(false),
            Some("1" | "t" | "T" | "true" | "TRUE" | "True") => Ok(true),
            Some(_) => Err(invalid(name, "must be a boolean")),
        }
    }

    fn compression(&self) -> Result<Compression, Failure> {
        let quality = self.parsed::<i64>("quality", "an integer")?.unwrap_or(QUALITY.into());
        let quality = u8::try_from(quality).ok().filter(|quality| (1..=100).contains(quality));
        let quality = quality.ok_or_else(|| invalid("quality", "must be between 1 and 100"))?;
        let scale = self.parsed::<f64>("scale", "a number")?.unwrap_or(1.0);
        if !(0.1..=1.0).contains(&scale) {
            return Err(invalid("scale", "must be between 0.1 and 1.0"));
        }
        Ok(match self.get("format").unwrap_or("png") {
            "jpeg" => Compression { format: Format::Jpeg { quality }, scale },
            "png" => Compression { format: Format::Png, scale },
            // The daemon falls back to the whole picture.
            _ => Compression { format: Format::Png, scale: 1.0 },
        })
    }
}

fn invalid(name: &str, what: &str) -> Failure {
    Failure::bad_request(format!("invalid query parameter {name}: {what}"))
}

async fn screen(machine: State<Arc<Machine>>, request: RequestInfo, RawQuery(query): RawQuery) -> Answer {
    take(machine, request, Query::of(query), |query| {
        Ok(Wanted { region: None, cursor: query.cursor()?, compression: None })
    })
    .await
}

async fn region(machine: State<Arc<Machine>>, request: RequestInfo, RawQuery(query): RawQuery) -> Answer {
    take(machine, request, Query::of(query), |query| {
        Ok(Wanted { region: Some(query.region()?), cursor: query.cursor()?, compression: None })
    })
    .await
}

async fn compressed_screen(
    machine: State<Arc<Machine>>,
    request: RequestInfo,
    RawQuery(query): RawQuery,
) -> Answer {
    take(machine, request, Query::of(query), |query| {
        let (cursor, compression) = (query.cursor()?, Some(query.compression()?));
        Ok(Wanted { region: None, cursor, compression })
    })
    .await
}

async fn compressed_region(
    machine: State<Arc<Machine>>,
    request: RequestInfo,
    RawQuery(query): RawQuery,
) -> Answer {
    take(machine, request, Query::of(query), |query| {
        let region = Some(query.region()?);
        let (cursor, compression) = (query.cursor()?, Some(query.compression()?));
        Ok(Wanted { region, cursor, compression })
    })
    .await
}

async fn take(
    State(machine): State<Arc<Machine>>,
    request: RequestInfo,
    query: Query,
    wanted: impl FnOnce(&Query) -> Result<Wanted, Failure>,
) -> Answer {
    let wanted = wanted(&query).map_err(|failure| failure.answer(&request))?;
    let taken = blocking(move || picture(&machine.desktop.display()?, &wanted)).await;
    taken.map(|taken| go_json::answer(&taken)).map_err(|failure| failure.answer(&request))
}

fn picture(display: &Display, wanted: &Wanted) -> Result<serde_json::Value, Failure> {
    let screen = display.screen();
    let region = wanted.region.unwrap_or(Region {
        x: 0,
        y: 0,
        width: screen.width_in_pixels.into(),
        height: screen.height_in_pixels.into(),
    });
    let mut picture = Picture::of(display, region)?;
    if wanted.cursor {
        picture.draw_cursor(display, region.x, region.y)?;
    }
    // The daemon tells the place without a cursor too, and takes it for 0, 0 of the region.
    let (x, y) = if wanted.cursor { display.position()? } else { (region.x, region.y) };
    let Some(Compression { format, scale }) = wanted.compression else {
        let image = STANDARD.encode(picture.encoded(Format::Png)?);
        return Ok(json!({ "screenshot": image, "cursorPosition": { "x": x, "y": y } }));
    };
    let image = picture.scaled(scale).encoded(format)?;
    let mut answer = json!({ "screenshot": STANDARD.encode(&image) });
    if wanted.cursor {
        let scaled = |place: i32, origin: i32| origin + (f64::from(place - origin) * scale) as i32;
        answer["cursorPosition"] = json!({ "x": scaled(x, region.x), "y": scaled(y, region.y) });
    }
    answer["sizeBytes"] = json!(image.len());
    Ok(answer)
}
