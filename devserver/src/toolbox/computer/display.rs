//! The connection to the X server, and what it tells of screens and windows. One connection a request: a display
//! that was started anew is found at once.

use super::failure::{Answer, Failure, RequestInfo};
use super::{blocking, number};
use crate::toolbox::{Machine, go_json};
use axum::extract::State;
use serde_json::{Value, json};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use x11rb::connection::Connection;
use x11rb::protocol::xproto::{Atom, AtomEnum, ConnectionExt, Screen, Window};
use x11rb::rust_connection::{DefaultStream, RustConnection};

/// The most of a property that is read, in units of four bytes.
const PROPERTY_LENGTH: u32 = 16 * 1024;

pub struct Display {
    pub connection: RustConnection,
}

impl Display {
    /// By the path of its socket: an abstract one of that name would be another machine's.
    pub fn connect(number: u32) -> Result<Self, Failure> {
        let stream = UnixStream::connect(number::socket(number))
            .map_err(|error| Failure::bad_request(format!("cannot connect to display :{number}: {error}")))?;
        let (stream, _) = DefaultStream::from_unix_stream(stream)?;
        Ok(Self { connection: RustConnection::connect_to_stream(stream, 0)? })
    }

    pub fn screen(&self) -> &Screen {
        &self.connection.setup().roots[0]
    }

    pub fn root(&self) -> Window {
        self.screen().root
    }

    /// Returns when the server has done all that was asked.
    pub fn sync(&self) -> Result<(), Failure> {
        self.connection.get_input_focus()?.reply()?;
        Ok(())
    }

    /// Where the mouse is.
    pub fn position(&self) -> Result<(i32, i32), Failure> {
        let pointer = self.connection.query_pointer(self.root())?.reply()?;
        Ok((pointer.root_x.into(), pointer.root_y.into()))
    }

    fn atom(&self, name: &str) -> Result<Atom, Failure> {
        Ok(self.connection.intern_atom(false, name.as_bytes())?.reply()?.atom)
    }

    fn words(&self, window: Window, name: &str) -> Result<Vec<u32>, Failure> {
        let atom = self.atom(name)?;
        let any = AtomEnum::ANY;
        let property = self.connection.get_property(false, window, atom, any, 0, PROPERTY_LENGTH)?.reply()?;
        Ok(property.value32().map(Iterator::collect).unwrap_or_default())
    }

    fn text(&self, window: Window, name: &str) -> Result<String, Failure> {
        let atom = self.atom(name)?;
        let any = AtomEnum::ANY;
        let property = self.connection.get_property(false, window, atom, any, 0, PROPERTY_LENGTH)?.reply()?;
        Ok(String::from_utf8_lossy(&property.value).into_owned())
    }

    /// Whether a window manager is at work.
    pub fn is_managed(&self) -> Result<bool, Failure> {
        Ok(!self.words(self.root(), "_NET_SUPPORTING_WM_CHECK")?.is_empty())
    }

    /// The windows that the window manager knows.
    fn windows(&self) -> Result<Vec<Value>, Failure> {
        let active = self.words(self.root(), "_NET_ACTIVE_WINDOW")?.first().copied();
        let mut windows = Vec::new();
        for window in self.words(self.root(), "_NET_CLIENT_LIST")? {
            // A window that is closed meanwhile is left out.
            if let Ok(described) = self.window(window, active) {
                windows.push(described);
            }
        }
        Ok(windows)
    }

    fn window(&self, window: Window, active: Option<Window>) -> Result<Value, Failure> {
        let geometry = self.connection.get_geometry(window)?.reply()?;
        let place = self.connection.translate_coordinates(window, self.root(), 0, 0)?.reply()?;
        let mut title = self.text(window, "_NET_WM_NAME")?;
        if title.is_empty() {
            title = self.text(window, "WM_NAME")?;
        }
        Ok(json!({
            "id": window,
            "title": title,
            "x": place.dst_x,
            "y": place.dst_y,
            "width": geometry.width,
            "height": geometry.height,
            "isActive": active == Some(window),
        }))
    }
}

pub async fn info(State(machine): State<Arc<Machine>>, request: RequestInfo) -> Answer {
    if !machine.desktop.is_started() {
        return Ok(go_json::answer(&json!({ "displays": null })));
    }
    let display = blocking(move || machine.desktop.display());
    let display = display.await.map_err(|failure| failure.answer(&request))?;
    let screen = display.screen();
    Ok(go_json::answer(&json!({ "displays": [{
        "id": 0,
        "x": 0,
        "y": 0,
        "width": screen.width_in_pixels,
        "height": screen.height_in_pixels,
        "isActive": true,
    }] })))
}

pub async fn windows(State(machine): State<Arc<Machine>>, request: RequestInfo) -> Answer {
    let windows = blocking(move || machine.desktop.display()?.windows());
    let windows = windows.await.map_err(|failure| failure.answer(&request))?;
    Ok(go_json::answer(&json!({ "windows": windows })))
}
