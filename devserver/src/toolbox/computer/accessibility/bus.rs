//! The D-Bus of accessibility, and what can be asked and done of one widget on it.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use zbus::connection::Builder;
use zbus::proxy::MethodFlags;
use zbus::zvariant::{DynamicType, ObjectPath, OwnedObjectPath, OwnedValue, Type};
use zbus::{Connection, Error, Proxy};

const ACCESSIBLE: &str = "org.a11y.atspi.Accessible";
const COMPONENT: &str = "org.a11y.atspi.Component";
const ACTION: &str = "org.a11y.atspi.Action";
const EDITABLE_TEXT: &str = "org.a11y.atspi.EditableText";
const VALUE: &str = "org.a11y.atspi.Value";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
/// Places are told from the corner of the screen.
const OF_THE_SCREEN: u32 = 0;

/// The states by their bits.
const STATES: [&str; 44] = [
    "invalid",
    "active",
    "armed",
    "busy",
    "checked",
    "collapsed",
    "defunct",
    "editable",
    "enabled",
    "expandable",
    "expanded",
    "focusable",
    "focused",
    "has_tooltip",
    "horizontal",
    "iconified",
    "modal",
    "multi_line",
    "multiselectable",
    "opaque",
    "pressed",
    "resizable",
    "selectable",
    "selected",
    "sensitive",
    "showing",
    "single_line",
    "stale",
    "transient",
    "vertical",
    "visible",
    "manages_descendants",
    "indeterminate",
    "required",
    "truncated",
    "animated",
    "invalid_entry",
    "supports_autocompletion",
    "selectable_text",
    "is_default",
    "visited",
    "checkable",
    "has_popup",
    "read_only",
];

#[derive(Debug)]
pub enum Trouble {
    Unavailable(String),
    NoNode,
    NoRoot,
    Unsupported,
    Other(String),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        let Error::MethodError(name, ..) = &error else { return Self::Other(error.to_string()) };
        match name.as_str().strip_prefix("org.freedesktop.DBus.Error.").unwrap_or_default() {
            "UnknownMethod" | "UnknownInterface" | "UnknownProperty" | "NotSupported" => Self::Unsupported,
            "ServiceUnknown" | "NameHasNoOwner" | "UnknownObject" => Self::NoNode,
            _ => Self::Other(error.to_string()),
        }
    }
}

/// A widget: the program on the bus, and the object in it.
#[derive(Clone, Debug)]
pub struct Reference {
    pub program: String,
    pub object: String,
}

impl Reference {
    /// The root of all programs.
    pub fn registry() -> Self {
        Self { program: "org.a11y.atspi.Registry".into(), object: "/org/a11y/atspi/accessible/root".into() }
    }

    pub fn id(&self) -> String {
        format!("{}:{}", self.program, self.object)
    }

    pub fn read(id: &str) -> Result<Self, String> {
        let invalid = |why: &str| format!("invalid node id {id:?}: {why}");
        let slash = id.find('/').filter(|at| *at > 1).ok_or_else(|| invalid("missing object path"))?;
        let (program, object) = id.split_at(slash);
        let program = program.strip_suffix(':');
        let program = program.ok_or_else(|| invalid("missing ':' separator before object path"))?;
        if program.is_empty() || zbus::names::BusName::try_from(program).is_err() {
            return Err(invalid("malformed bus name"));
        }
        if ObjectPath::try_from(object).is_err() {
            return Err(invalid("malformed object path"));
        }
        Ok(Self { program: program.to_owned(), object: object.to_owned() })
    }
}

/// A widget as it was read, without what is in it.
pub struct Widget {
    pub reference: Reference,
    pub role: String,
    pub name: String,
    pub states: Vec<&'static str>,
    description: String,
    bounds: (i32, i32, i32, i32),
    actions: Vec<String>,
}

impl Widget {
    pub fn json(&self, children: Vec<Value>) -> Value {
        let (x, y, width, height) = self.bounds;
        let mut json = json!({ "id": self.reference.id(), "role": self.role, "name": self.name });
        if !self.description.is_empty() {
            json["description"] = json!(self.description);
        }
        json["bounds"] = json!({ "x": x, "y": y, "width": width, "height": height });
        json["states"] = if self.states.is_empty() { Value::Null } else { json!(self.states) };
        if !self.actions.is_empty() {
            json["actions"] = json!(self.actions);
        }
        if !children.is_empty() {
            json["children"] = children.into();
        }
        json
    }
}

pub struct Bus(Connection);

/// Whether the bus of accessibility can be used, by the address of the session's bus.
pub async fn answers(address: &str) -> bool {
    match Bus::connect(address).await {
        Ok(bus) => bus.children(&Reference::registry()).await.is_ok(),
        Err(_) => false,
    }
}

impl Bus {
    /// The address of the session's bus; the one of accessibility is asked for there.
    pub async fn connect(address: &str) -> Result<Self, Trouble> {
        let unavailable = |error: Error| Trouble::Unavailable(error.to_string());
        let session = Builder::address(address).map_err(unavailable)?.build().await.map_err(unavailable)?;
        let (name, path) = ("org.a11y.Bus", "/org/a11y/bus");
        let service = Proxy::new(&session, name, path, name).await.map_err(unavailable)?;
        // D-Bus would start a second launcher, and the slower of the two ends: the desktop's own is started and
        // watched as one of its programs.
        let flags = MethodFlags::NoAutoStart.into();
        let reply = service.call_with_flags::<_, _, String>("GetAddress", flags, &()).await;
        let address = reply.map_err(unavailable)?.unwrap_or_default();
        let bus = Builder::address(address.as_str()).map_err(unavailable)?.build().await;
        Ok(Self(bus.map_err(unavailable)?))
    }

    async fn ask<T: DeserializeOwned + Type>(
        &self,
        node: &Reference,
        interface: &str,
        method: &str,
        body: &(impl Serialize + DynamicType),
    ) -> Result<T, Trouble> {
        let (program, object) = (node.program.as_str(), node.object.as_str());
        let reply = self.0.call_method(Some(program), object, Some(interface), method, body).await?;
        Ok(reply.body().deserialize()?)
    }

    async fn property(&self, node: &Reference, interface: &str, name: &str) -> Result<OwnedValue, Trouble> {
        self.ask(node, PROPERTIES, "Get", &(interface, name)).await
    }

    async fn text(&self, node: &Reference, name: &str) -> String {
        let value = self.property(node, ACCESSIBLE, name).await.ok();
        value.and_then(|value| String::try_from(value).ok()).unwrap_or_default()
    }

    pub async fn children(&self, node: &Reference) -> Result<Vec<Reference>, Trouble> {
        let children: Vec<(String, OwnedObjectPath)> = self.ask(node, ACCESSIBLE, "GetChildren", &()).await?;
        let reference = |(program, object): (String, OwnedObjectPath)| Reference {
            program,
            object: object.as_str().to_owned(),
        };
        Ok(children.into_iter().map(reference).collect())
    }

    pub async fn states(&self, node: &Reference) -> Vec<&'static str> {
        let words: Vec<u32> = self.ask(node, ACCESSIBLE, "GetState", &()).await.unwrap_or_default();
        let is_set = |at: usize| words.get(at / 32).is_some_and(|word| word & (1 << (at % 32)) != 0);
        STATES.iter().enumerate().filter(|(at, _)| is_set(*at)).map(|(_, name)| *name).collect()
    }

    /// The process of a program on the bus.
    pub async fn process(&self, program: &str) -> Result<u32, Trouble> {
        let bus =
            Reference { program: "org.freedesktop.DBus".into(), object: "/org/freedesktop/DBus".into() };
        self.ask(&bus, "org.freedesktop.DBus", "GetConnectionUnixProcessID", &program).await
    }

    async fn actions(&self, node: &Reference) -> Result<Vec<String>, Trouble> {
        let count = self.property(node, ACTION, "NActions").await?;
        let mut actions = Vec::new();
        for at in 0..i32::try_from(count).unwrap_or(0) {
            actions.push(self.ask(node, ACTION, "GetName", &at).await?);
        }
        Ok(actions)
    }

    pub async fn widget(&self, node: &Reference) -> Result<Widget, Trouble> {
        let role = self.ask(node, ACCESSIBLE, "GetRoleName", &()).await?;
        let interfaces: Vec<String> =
            self.ask(node, ACCESSIBLE, "GetInterfaces", &()).await.unwrap_or_default();
        let has = |name: &str| interfaces.iter().any(|interface| interface == name);
        let bounds = match has(COMPONENT) {
            true => self.ask(node, COMPONENT, "GetExtents", &OF_THE_SCREEN).await.unwrap_or_default(),
            false => (0, 0, 0, 0),
        };
        let actions = if has(ACTION) { self.actions(node).await.unwrap_or_default() } else { Vec::new() };
        Ok(Widget {
            reference: node.clone(),
            role,
            name: self.text(node, "Name").await,
            description: self.text(node, "Description").await,
            states: self.states(node).await,
            bounds,
            actions,
        })
    }

    pub async fn focus(&self, node: &Reference) -> Result<(), Trouble> {
        match self.ask(node, COMPONENT, "GrabFocus", &()).await? {
            true => Ok(()),
            false => Err(Trouble::Unsupported),
        }
    }

    /// Does the action of that name in any case; without one the first.
    pub async fn invoke(&self, node: &Reference, action: &str) -> Result<(), Trouble> {
        let actions = self.actions(node).await?;
        let wanted = |name: &String| action.is_empty() || name.eq_ignore_ascii_case(action);
        let at = actions.iter().position(wanted).and_then(|at| i32::try_from(at).ok());
        match self.ask(node, ACTION, "DoAction", &at.ok_or(Trouble::Unsupported)?).await? {
            true => Ok(()),
            false => Err(Trouble::Unsupported),
        }
    }

    /// Sets the text; of what has none, the number.
    pub async fn set_value(&self, node: &Reference, value: &str) -> Result<(), Trouble> {
        // Programs were seen to answer false and change the text all the same.
        match self.ask::<bool>(node, EDITABLE_TEXT, "SetTextContents", &value).await {
            Ok(_) => return Ok(()),
            Err(Trouble::Unsupported) => {}
            Err(trouble) => return Err(trouble),
        }
        let number: f64 = value.parse().map_err(|_| Trouble::Unsupported)?;
        let value = zbus::zvariant::Value::from(number);
        self.ask(node, PROPERTIES, "Set", &(VALUE, "CurrentValue", value)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};

    /// The launcher that the desktop starts itself would lose against one that D-Bus starts, and end.
    #[tokio::test]
    async fn asking_for_the_bus_of_accessibility_starts_none() {
        let daemon = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--print-address"])
            .stdout(Stdio::piped())
            .spawn();
        let Ok(mut daemon) = daemon else { return println!("skipped: there is no dbus-daemon") };
        let mut address = String::new();
        BufReader::new(daemon.stdout.take().unwrap()).read_line(&mut address).unwrap();
        let answered = answers(address.trim()).await;
        let session = Builder::address(address.trim()).unwrap().build().await.unwrap();
        let bus = zbus::fdo::DBusProxy::new(&session).await.unwrap();
        let started = bus.name_has_owner("org.a11y.Bus".try_into().unwrap()).await.unwrap();
        daemon.kill().unwrap();
        daemon.wait().unwrap();
        assert!(!answered && !started, "answered: {answered}, started: {started}");
    }
}
