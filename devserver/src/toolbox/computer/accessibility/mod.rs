//! The accessibility tree: widgets of the programs on the screen, through AT-SPI.
//!
//! * `bus`: the D-Bus of accessibility, and one widget on it. `tree`: walks over many.

mod bus;
mod tree;

use super::failure::{Answer, Failure, RequestInfo};
use super::nothing;
use crate::toolbox::Machine;
use crate::toolbox::go_json::{self, FieldType, Shape};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::routing::{get, post};
use bus::{Bus, Reference, Trouble};
use serde_json::{Map, Value};
use std::sync::Arc;
use std::time::Duration;
use tree::{Filter, Scope};

/// A program that does not answer must not hold a request for ever.
const LIMIT: Duration = Duration::from_secs(30);

pub use bus::answers;

pub fn routes() -> Router<Arc<Machine>> {
    Router::new()
        .route("/computeruse/a11y/tree", get(tree))
        .route("/computeruse/a11y/find", post(find))
        .route("/computeruse/a11y/node/focus", post(focus))
        .route("/computeruse/a11y/node/invoke", post(invoke))
        .route("/computeruse/a11y/node/value", post(set_value))
}

const FIND: Shape = Shape {
    package: "computeruse",
    name: "FindAccessibilityNodesRequest",
    fields: &[
        ("scope", FieldType::Text),
        ("pid", FieldType::Int),
        ("role", FieldType::Text),
        ("name", FieldType::Text),
        ("nameMatch", FieldType::Text),
        ("states", FieldType::Texts),
        ("limit", FieldType::Int),
    ],
};
const NODE: Shape = Shape {
    package: "computeruse",
    name: "AccessibilityNodeRequest",
    fields: &[("id", FieldType::Text), ("action", FieldType::Text), ("value", FieldType::Text)],
};

fn invalid(reason: impl std::fmt::Display) -> Failure {
    Failure::bad_request(format!("invalid accessibility request: {reason}"))
        .former_code("A11Y_INVALID_REQUEST")
}

fn text(fields: &Map<String, Value>, name: &str) -> String {
    fields.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Unavailable(why) => Self::missing(format!("accessibility bus not reachable: {why}"))
                .code("A11Y_UNAVAILABLE")
                .former_code("A11Y_UNAVAILABLE"),
            Trouble::NoNode => {
                Self::not_found("accessibility node not found").former_code("A11Y_NODE_NOT_FOUND")
            }
            Trouble::NoRoot => Self::not_found("no accessible root for focused window")
                .former_code("A11Y_NO_ACCESSIBLE_ROOT"),
            Trouble::Unsupported => {
                Self::bad_request("action not supported by node").former_code("A11Y_ACTION_NOT_SUPPORTED")
            }
            Trouble::Other(why) => Self::internal(why).former_code("A11Y_INTERNAL"),
        }
    }
}

/// The work within the limit.
async fn within<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    match tokio::time::timeout(LIMIT, work).await {
        Ok(done) => done,
        Err(_) => Err(Trouble::Other("a program on the desktop does not answer".to_owned()).into()),
    }
}

async fn connect(machine: &Machine) -> Result<Bus, Failure> {
    let address = machine.desktop.bus_address().ok_or_else(|| {
        Trouble::Unavailable(
            "the desktop is not started, or dbus or at-spi2-core is not installed".to_owned(),
        )
    })?;
    Ok(Bus::connect(&address).await?)
}

async fn tree(
    State(machine): State<Arc<Machine>>,
    request: RequestInfo,
    RawQuery(query): RawQuery,
) -> Answer {
    let query: Vec<(String, String)> =
        serde_urlencoded::from_str(&query.unwrap_or_default()).unwrap_or_default();
    let find = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let read = async {
        let number = |name: &str, absent: i64| match find(name).filter(|value| !value.is_empty()) {
            None => Ok(absent),
            Some(value) => value.parse().map_err(|_| invalid(format!("{name} is no number: {value:?}"))),
        };
        let scope = Scope::read(find("scope").unwrap_or_default(), number("pid", 0)?)?;
        let depth = number("maxDepth", -1)?;
        Ok(tree::tree(&connect(&machine).await?, &scope, depth).await?)
    };
    within(read).await.map(|tree| go_json::answer(&tree)).map_err(|failure| failure.answer(&request))
}

async fn find(State(machine): State<Arc<Machine>>, request: RequestInfo, body: Bytes) -> Answer {
    let found = async {
        let fields = FIND.decode(&body).map_err(invalid)?;
        let number = |name: &str| fields.get(name).and_then(Value::as_i64).unwrap_or(0);
        let scope = Scope::read(&text(&fields, "scope"), number("pid"))?;
        let states = fields.get("states").and_then(Value::as_array).into_iter().flatten();
        let filter = Filter::read(
            &text(&fields, "role"),
            text(&fields, "name"),
            &text(&fields, "nameMatch"),
            states.filter_map(|state| Some(state.as_str()?.to_owned())).collect(),
        )?;
        Ok(tree::find(&connect(&machine).await?, &scope, &filter, number("limit")).await?)
    };
    within(found).await.map(|found| go_json::answer(&found)).map_err(|failure| failure.answer(&request))
}

/// Reads which widget is meant, and does something with it.
async fn with_node(
    machine: Arc<Machine>,
    request: RequestInfo,
    body: Bytes,
    work: impl AsyncFnOnce(&Bus, &Reference, &Map<String, Value>) -> Result<(), Trouble>,
) -> Answer {
    let done = async {
        let fields = NODE.decode(&body).map_err(invalid)?;
        if let Some(missing) = NODE.missing(&fields, &["id"]) {
            return Err(invalid(missing));
        }
        let reference = Reference::read(&text(&fields, "id")).map_err(invalid)?;
        Ok(work(&connect(&machine).await?, &reference, &fields).await?)
    };
    within(done).await.map(|()| nothing()).map_err(|failure| failure.answer(&request))
}

async fn focus(State(machine): State<Arc<Machine>>, request: RequestInfo, body: Bytes) -> Answer {
    with_node(machine, request, body, async |bus, node, _| bus.focus(node).await).await
}

async fn invoke(State(machine): State<Arc<Machine>>, request: RequestInfo, body: Bytes) -> Answer {
    with_node(machine, request, body, async |bus, node, fields| {
        bus.invoke(node, &text(fields, "action")).await
    })
    .await
}

async fn set_value(State(machine): State<Arc<Machine>>, request: RequestInfo, body: Bytes) -> Answer {
    with_node(machine, request, body, async |bus, node, fields| {
        bus.set_value(node, &text(fields, "value")).await
    })
    .await
}
