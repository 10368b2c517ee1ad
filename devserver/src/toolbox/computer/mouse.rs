//! The mouse, moved and pressed through XTEST.

use super::blocking;
use super::display::Display;
use super::failure::{Answer, Failure, RequestInfo};
use crate::Protocol;
use crate::toolbox::Machine;
use crate::toolbox::go_json::{self, FieldType, Shape};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::{get, post};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Duration;
use x11rb::protocol::xproto::{BUTTON_PRESS_EVENT, BUTTON_RELEASE_EVENT, MOTION_NOTIFY_EVENT};
use x11rb::protocol::xtest::ConnectionExt as _;

const WHEEL_UP: u8 = 4;
const WHEEL_DOWN: u8 = 5;

/// A drag moves in so many steps: programs take one jump for something else.
const DRAG_STEPS: i32 = 20;
const DRAG_PAUSE: Duration = Duration::from_millis(2);
/// Between the click that a drag begins with and the drag itself, so that both are no double click.
const CLICK_PAUSE: Duration = Duration::from_millis(300);

pub fn routes() -> Router<Arc<Machine>> {
    Router::new()
        .route("/computeruse/mouse/position", get(position))
        .route("/computeruse/mouse/move", post(move_to))
        .route("/computeruse/mouse/click", post(click))
        .route("/computeruse/mouse/drag", post(drag))
        .route("/computeruse/mouse/scroll", post(scroll))
}

const MOVE: Shape = Shape {
    package: "computeruse",
    name: "MouseMoveRequest",
    fields: &[("x", FieldType::Int), ("y", FieldType::Int)],
};
const CLICK: Shape = Shape {
    package: "computeruse",
    name: "MouseClickRequest",
    fields: &[
        ("x", FieldType::Int),
        ("y", FieldType::Int),
        ("button", FieldType::Text),
        ("double", FieldType::Flag),
    ],
};
const DRAG: Shape = Shape {
    package: "computeruse",
    name: "MouseDragRequest",
    fields: &[
        ("startX", FieldType::Int),
        ("startY", FieldType::Int),
        ("endX", FieldType::Int),
        ("endY", FieldType::Int),
        ("button", FieldType::Text),
    ],
};
const SCROLL: Shape = Shape {
    package: "computeruse",
    name: "MouseScrollRequest",
    fields: &[
        ("x", FieldType::Int),
        ("y", FieldType::Int),
        ("direction", FieldType::Text),
        ("amount", FieldType::Int),
    ],
};

fn number(fields: &Map<String, Value>, name: &str) -> i64 {
    fields.get(name).and_then(Value::as_i64).unwrap_or(0)
}

fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> &'a str {
    fields.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn place(x: i32, y: i32) -> Value {
    json!({ "x": x, "y": y })
}

async fn position(State(machine): State<Arc<Machine>>, request: RequestInfo) -> Answer {
    let position = blocking(move || machine.desktop.input(&machine)?.position());
    let (x, y) = position.await.map_err(|failure| failure.answer(&request))?;
    Ok(go_json::answer(&place(x, y)))
}

/// Decodes the body, does the work with the mouse, and answers what it gives.
async fn with_mouse(
    machine: Arc<Machine>,
    request: RequestInfo,
    body: Bytes,
    (shape, complaint): (&'static Shape, &'static str),
    work: impl FnOnce(&Mouse, &Map<String, Value>) -> Result<Value, Failure> + Send + 'static,
) -> Answer {
    let done = async {
        let fields = shape.decode(&body).map_err(|_| Failure::bad_request(complaint))?;
        blocking(move || work(&Mouse::of(&machine)?, &fields)).await
    };
    done.await.map(|answer| go_json::answer(&answer)).map_err(|failure| failure.answer(&request))
}

async fn move_to(State(machine): State<Arc<Machine>>, request: RequestInfo, body: Bytes) -> Answer {
    with_mouse(machine, request, body, (&MOVE, "Invalid coordinates"), |mouse, fields| {
        mouse.to(number(fields, "x"), number(fields, "y"))?;
        mouse.position()
    })
    .await
}

async fn click(State(machine): State<Arc<Machine>>, request: RequestInfo, body: Bytes) -> Answer {
    with_mouse(machine, request, body, (&CLICK, "Invalid click parameters"), |mouse, fields| {
        let button = button(text(fields, "button"))?;
        let double = fields.get("double").and_then(Value::as_bool).unwrap_or(false);
        mouse.to(number(fields, "x"), number(fields, "y"))?;
        for _ in 0..if double { 2 } else { 1 } {
            mouse.click(button)?;
        }
        mouse.position()
    })
    .await
}

async fn drag(State(machine): State<Arc<Machine>>, request: RequestInfo, body: Bytes) -> Answer {
    with_mouse(machine, request, body, (&DRAG, "Invalid drag parameters"), |mouse, fields| {
        let button = button(text(fields, "button"))?;
        let start = (number(fields, "startX"), number(fields, "startY"));
        let end = (number(fields, "endX"), number(fields, "endY"));
        mouse.to(start.0, start.1)?;
        // The click gives the window the keyboard.
        mouse.click(button)?;
        mouse.display.sync()?;
        std::thread::sleep(CLICK_PAUSE);
        mouse.button(button, true)?;
        for step in 1..=i64::from(DRAG_STEPS) {
            let along = |from: i64, to: i64| from + (to - from) * step / i64::from(DRAG_STEPS);
            mouse.to(along(start.0, end.0), along(start.1, end.1))?;
            mouse.display.sync()?;
            std::thread::sleep(DRAG_PAUSE);
        }
        mouse.button(button, false)?;
        mouse.position()
    })
    .await
}

async fn scroll(State(machine): State<Arc<Machine>>, request: RequestInfo, body: Bytes) -> Answer {
    with_mouse(machine, request, body, (&SCROLL, "Invalid scroll parameters"), |mouse, fields| {
        let direction = text(fields, "direction");
        let wheel = match direction.trim().to_lowercase().as_str() {
            "up" => WHEEL_UP,
            "down" => WHEEL_DOWN,
            _ => {
                let message = format!("unsupported scroll direction {direction:?}: expected up or down");
                return Err(Failure::bad_request(message));
            }
        };
        let amount = number(fields, "amount");
        if amount < 0 {
            return Err(Failure::bad_request("scroll amount must not be negative"));
        }
        mouse.to(number(fields, "x"), number(fields, "y"))?;
        for _ in 0..amount.max(1) {
            mouse.click(wheel)?;
        }
        mouse.display.sync()?;
        Ok(json!({ "success": true }))
    })
    .await
}

/// The number of a button; none is the left one.
fn button(name: &str) -> Result<u8, Failure> {
    match name.trim().to_lowercase().as_str() {
        "" | "left" => Ok(1),
        "middle" => Ok(2),
        "right" => Ok(3),
        _ => Err(Failure::bad_request(format!(
            "unsupported mouse button {name:?}: expected one of left, right, middle"
        ))),
    }
}

struct Mouse {
    display: Display,
    /// The daemon of 0.190 cuts coordinates to 16 bits; here they end at the edge of the screen.
    cuts: bool,
}

impl Mouse {
    fn of(machine: &Arc<Machine>) -> Result<Self, Failure> {
        let display = machine.desktop.input(machine)?;
        Ok(Self { display, cuts: machine.protocol == Protocol::V0_190 })
    }

    fn to(&self, x: i64, y: i64) -> Result<(), Failure> {
        let fit = |place: i64| if self.cuts { place as i16 } else { place.clamp(0, i16::MAX.into()) as i16 };
        self.fake(MOTION_NOTIFY_EVENT, 0, fit(x), fit(y))
    }

    fn button(&self, button: u8, down: bool) -> Result<(), Failure> {
        let event = if down { BUTTON_PRESS_EVENT } else { BUTTON_RELEASE_EVENT };
        self.fake(event, button, 0, 0)
    }

    fn click(&self, button: u8) -> Result<(), Failure> {
        self.button(button, true)?;
        self.button(button, false)
    }

    fn fake(&self, event: u8, detail: u8, x: i16, y: i16) -> Result<(), Failure> {
        self.display.connection.xtest_fake_input(event, detail, 0, self.display.root(), x, y, 0)?;
        Ok(())
    }

    /// Once the server has done what was asked.
    fn position(&self) -> Result<Value, Failure> {
        self.display.sync()?;
        let (x, y) = self.display.position()?;
        Ok(place(x, y))
    }
}
