//! The mouse, moved and pressed through XTEST.

use super::blocking;
use super::display::Display;
use super::failure::{Answer, Failure, RequestInfo};
use super::keyboard::Keyboard;
use super::keys;
use crate::Protocol;
use crate::toolbox::Machine;
use crate::toolbox::go_json::{self, FieldType, Shape};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::{get, post};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use x11rb::protocol::xproto::{
    BUTTON_PRESS_EVENT, BUTTON_RELEASE_EVENT, ConnectionExt as _, MOTION_NOTIFY_EVENT,
};
use x11rb::protocol::xtest::ConnectionExt as _;

const WHEEL_UP: u8 = 4;
const WHEEL_DOWN: u8 = 5;
const WHEEL_LEFT: u8 = 6;
const WHEEL_RIGHT: u8 = 7;
/// The most clicks of one request.
const MAX_CLICKS: i64 = 10;

/// A drag moves in so many steps: programs take one jump for something else.
const DRAG_STEPS: i32 = 20;
const DRAG_PAUSE: Duration = Duration::from_millis(2);
/// Between the click that a drag begins with and the drag itself, so that both are no double click.
const CLICK_PAUSE: Duration = Duration::from_millis(300);

/// How long a drag waits for the mouse to be where it ends.
const ARRIVAL_LIMIT: Duration = Duration::from_secs(3);

pub fn routes() -> Router<Arc<Machine>> {
    Router::new()
        .route("/computeruse/mouse/position", get(position))
        .route("/computeruse/mouse/move", post(move_to))
        .route("/computeruse/mouse/click", post(click))
        .route("/computeruse/mouse/drag", post(drag))
        .route("/computeruse/mouse/scroll", post(scroll))
}

/// What came with 0.226.
pub fn newer_routes() -> Router<Arc<Machine>> {
    Router::new()
        .route(
            "/computeruse/mouse/down",
            post(async |machine, request, body| hold(machine, request, body, true).await),
        )
        .route(
            "/computeruse/mouse/up",
            post(async |machine, request, body| hold(machine, request, body, false).await),
        )
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
        ("clicks", FieldType::Int),
        ("modifiers", FieldType::Texts),
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
        ("modifiers", FieldType::Texts),
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
        ("modifiers", FieldType::Texts),
    ],
};
const HOLD: Shape = Shape {
    package: "computeruse",
    name: "MouseButtonRequest",
    fields: &[("x", FieldType::Int), ("y", FieldType::Int), ("button", FieldType::Text)],
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
        let clicks = match fields.get("clicks").and_then(Value::as_i64).filter(|_| mouse.is_newer()) {
            None if double => 2,
            None => 1,
            Some(clicks @ 1..=MAX_CLICKS) => clicks,
            Some(_) => {
                return Err(Failure::bad_request(format!("clicks must be between 1 and {MAX_CLICKS}")));
            }
        };
        mouse.holding(fields, |mouse| {
            mouse.to(number(fields, "x"), number(fields, "y"))?;
            for _ in 0..clicks {
                mouse.click(button)?;
            }
            mouse.position()
        })
    })
    .await
}

async fn drag(State(machine): State<Arc<Machine>>, request: RequestInfo, body: Bytes) -> Answer {
    with_mouse(machine, request, body, (&DRAG, "Invalid drag parameters"), |mouse, fields| {
        let button = button(text(fields, "button"))?;
        let start = (number(fields, "startX"), number(fields, "startY"));
        let end = (number(fields, "endX"), number(fields, "endY"));
        mouse.holding(fields, |mouse| mouse.drag(button, start, end))
    })
    .await
}

/// Presses a button without releasing it, or releases it; first at another place, where one is given.
async fn hold(State(machine): State<Arc<Machine>>, request: RequestInfo, body: Bytes, down: bool) -> Answer {
    with_mouse(machine, request, body, (&HOLD, "Invalid button parameters"), move |mouse, fields| {
        let button = button(text(fields, "button"))?;
        match (fields.get("x").and_then(Value::as_i64), fields.get("y").and_then(Value::as_i64)) {
            (Some(x), Some(y)) => mouse.to(x, y)?,
            (None, None) => {}
            _ => return Err(Failure::bad_request("x and y go together")),
        }
        mouse.button(button, down)?;
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
            "left" if mouse.is_newer() => WHEEL_LEFT,
            "right" if mouse.is_newer() => WHEEL_RIGHT,
            _ => {
                let known = if mouse.is_newer() { "up, down, left or right" } else { "up or down" };
                let message = format!("unsupported scroll direction {direction:?}: expected {known}");
                return Err(Failure::bad_request(message));
            }
        };
        let amount = number(fields, "amount");
        if amount < 0 {
            return Err(Failure::bad_request("scroll amount must not be negative"));
        }
        mouse.holding(fields, |mouse| {
            mouse.to(number(fields, "x"), number(fields, "y"))?;
            for _ in 0..amount.max(1) {
                mouse.click(wheel)?;
            }
            mouse.display.sync()?;
            Ok(json!({ "success": true }))
        })
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
    machine: Arc<Machine>,
    display: Display,
    /// The daemon of 0.190 cuts coordinates to 16 bits; here they end at the edge of the screen.
    cuts: bool,
}

impl Mouse {
    fn of(machine: &Arc<Machine>) -> Result<Self, Failure> {
        let display = machine.desktop.input(machine)?;
        Ok(Self { machine: machine.clone(), display, cuts: machine.protocol == Protocol::V0_190 })
    }

    /// Whether the daemon has what came with 0.226; the ones before it ignore such fields.
    fn is_newer(&self) -> bool {
        self.machine.protocol >= Protocol::V0_226
    }

    /// Does the work while the request's modifiers are held, and releases them whatever comes of it.
    fn holding<T>(
        &self,
        fields: &Map<String, Value>,
        work: impl FnOnce(&Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let names: Vec<String> = fields
            .get("modifiers")
            .and_then(Value::as_array)
            .filter(|_| self.is_newer())
            .into_iter()
            .flatten()
            .filter_map(|name| name.as_str().map(str::to_owned))
            .collect();
        let modifiers = keys::modifiers(&names)?;
        if modifiers.is_empty() {
            return work(self);
        }
        let mut keyboard = Keyboard::of(&self.machine)?;
        let done = keyboard.hold(&modifiers, true).and_then(|()| work(self));
        keyboard.hold(&modifiers, false)?;
        done
    }

    fn drag(&self, button: u8, start: (i64, i64), end: (i64, i64)) -> Result<Value, Failure> {
        self.to(start.0, start.1)?;
        // The click gives the window the keyboard.
        self.click(button)?;
        self.display.sync()?;
        std::thread::sleep(CLICK_PAUSE);
        self.button(button, true)?;
        for step in 1..=i64::from(DRAG_STEPS) {
            let along = |from: i64, to: i64| from + (to - from) * step / i64::from(DRAG_STEPS);
            self.to(along(start.0, end.0), along(start.1, end.1))?;
            self.display.sync()?;
            std::thread::sleep(DRAG_PAUSE);
        }
        self.button(button, false)?;
        self.display.sync()?;
        // A window manager that has still to handle the first click holds back what came after it.
        let root = self.display.connection.get_geometry(self.display.root())?.reply()?;
        let at = |place: i64, length: u16| place.clamp(0, i64::from(length) - 1);
        let goal = (at(end.0, root.width), at(end.1, root.height));
        let deadline = Instant::now() + ARRIVAL_LIMIT;
        loop {
            let (x, y) = self.display.position()?;
            if (i64::from(x), i64::from(y)) == goal || self.cuts || Instant::now() > deadline {
                return Ok(place(x, y));
            }
            std::thread::sleep(DRAG_PAUSE);
        }
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
