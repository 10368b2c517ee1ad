//! Keys, pressed through XTEST. A character that the keyboard does not have gets a spare key: bound before it is
//! pressed and left bound, because programs read the new keyboard when the key arrives.

use super::display::Display;
use super::failure::{Answer, Failure, RequestInfo};
use super::keys::{self, Chord, Keysym, Modifier};
use super::{blocking, nothing};
use crate::toolbox::Machine;
use crate::toolbox::go_json::{FieldType, Shape};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use serde_json::{Map, Value};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use x11rb::connection::Connection;
use x11rb::protocol::xproto::{ConnectionExt, KEY_PRESS_EVENT, KEY_RELEASE_EVENT, Keycode};
use x11rb::protocol::xtest::ConnectionExt as _;

/// Before a key that was bound to a character is bound to another: a program that reads the press of the key later would
/// take it for the other character.
const REBIND_PAUSE: Duration = Duration::from_secs(1);
/// After a key where the request names no pause: terminals lose keys that come in one burst.
const KEY_PAUSE: Duration = Duration::from_millis(1);
const SHIFT: Keysym = 0xffe1;
const KEYPAD: std::ops::RangeInclusive<Keysym> = 0xff80..=0xffbd;

pub fn routes() -> Router<Arc<Machine>> {
    Router::new()
        .route("/computeruse/keyboard/type", post(type_text))
        .route("/computeruse/keyboard/key", post(press))
        .route("/computeruse/keyboard/hotkey", post(hotkey))
}

/// What came with 0.226.
pub fn newer_routes() -> Router<Arc<Machine>> {
    Router::new()
        .route(
            "/computeruse/keyboard/down",
            post(async |machine, request, body| hold(machine, request, body, true).await),
        )
        .route(
            "/computeruse/keyboard/up",
            post(async |machine, request, body| hold(machine, request, body, false).await),
        )
}

const TYPE: Shape = Shape {
    package: "computeruse",
    name: "KeyboardTypeRequest",
    fields: &[("text", FieldType::Text), ("delay", FieldType::Int)],
};
const PRESS: Shape = Shape {
    package: "computeruse",
    name: "KeyboardPressRequest",
    fields: &[("key", FieldType::Text), ("modifiers", FieldType::Texts)],
};
const HOLD: Shape =
    Shape { package: "computeruse", name: "KeyboardKeyRequest", fields: &[("key", FieldType::Text)] };
const HOTKEY: Shape =
    Shape { package: "computeruse", name: "KeyboardHotkeyRequest", fields: &[("keys", FieldType::Text)] };

fn text(fields: &Map<String, Value>, name: &str) -> String {
    fields.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

async fn type_text(State(machine): State<Arc<Machine>>, request: RequestInfo, body: Bytes) -> Answer {
    let typed = async {
        let fields = TYPE.decode(&body).map_err(|_| Failure::bad_request("Invalid input"))?;
        let keysyms = keys::text(&text(&fields, "text"))?;
        let delay = fields.get("delay").and_then(Value::as_u64).unwrap_or(0);
        let pause = Duration::from_millis(delay).max(KEY_PAUSE);
        blocking(move || Keyboard::of(&machine)?.type_all(&keysyms, pause)).await
    };
    typed.await.map(|()| nothing()).map_err(|failure| failure.answer(&request))
}

async fn press(State(machine): State<Arc<Machine>>, request: RequestInfo, body: Bytes) -> Answer {
    let pressed = async {
        let fields = PRESS.decode(&body).map_err(|_| Failure::bad_request("Invalid key"))?;
        let modifiers: Vec<String> = fields
            .get("modifiers")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|modifier| Some(modifier.as_str()?.to_owned()))
            .collect();
        let chord = keys::pressed(&text(&fields, "key"), &modifiers)?;
        blocking(move || Keyboard::of(&machine)?.press(&chord)).await
    };
    pressed.await.map(|()| nothing()).map_err(|failure| failure.answer(&request))
}

async fn hotkey(State(machine): State<Arc<Machine>>, request: RequestInfo, body: Bytes) -> Answer {
    let pressed = async {
        let fields = HOTKEY.decode(&body).map_err(|_| Failure::bad_request("Invalid hotkey"))?;
        let chord = keys::hotkey(&text(&fields, "keys"))?;
        blocking(move || Keyboard::of(&machine)?.press(&chord)).await
    };
    pressed.await.map(|()| nothing()).map_err(|failure| failure.answer(&request))
}

/// Presses a key without releasing it, or releases it.
async fn hold(State(machine): State<Arc<Machine>>, request: RequestInfo, body: Bytes, down: bool) -> Answer {
    let done = async {
        let fields = HOLD.decode(&body).map_err(|_| Failure::bad_request("Invalid key"))?;
        let chord = keys::pressed(&text(&fields, "key"), &[])?;
        blocking(move || {
            let mut keyboard = Keyboard::of(&machine)?;
            let key = keyboard.key(chord.key)?;
            keyboard.fake(key.code, down)?;
            keyboard.display.sync()
        })
        .await
    };
    done.await.map(|()| nothing()).map_err(|failure| failure.answer(&request))
}

pub(super) struct Keyboard {
    machine: Arc<Machine>,
    display: Display,
    first: Keycode,
    /// How many keysyms a key has: the first without, the second with Shift.
    per_key: usize,
    keysyms: Vec<Keysym>,
}

/// A key, and whether Shift has to be held.
#[derive(Clone, Copy)]
struct Key {
    code: Keycode,
    shift: bool,
}

impl Keyboard {
    pub(super) fn of(machine: &Arc<Machine>) -> Result<Self, Failure> {
        let display = machine.desktop.input(machine)?;
        let setup = display.connection.setup();
        let (first, last) = (setup.min_keycode, setup.max_keycode);
        let mapping = display.connection.get_keyboard_mapping(first, last - first + 1)?.reply()?;
        let per_key = usize::from(mapping.keysyms_per_keycode).max(1);
        Ok(Self { machine: machine.clone(), display, first, per_key, keysyms: mapping.keysyms })
    }

    fn find(&self, keysym: Keysym) -> Option<Key> {
        let at = |level: usize| {
            let mut keys = self.keysyms.chunks(self.per_key);
            let key = keys.position(|key| key.get(level) == Some(&keysym))?;
            Some(Key { code: self.first + key as Keycode, shift: level == 1 })
        };
        // The keypad's digits stand above Home and its like: with Shift programs take them for a selection.
        at(0).or_else(|| at(1).filter(|_| !KEYPAD.contains(&keysym)))
    }

    /// The keys without any character.
    fn spare(&self) -> VecDeque<Keycode> {
        let keys = self.keysyms.chunks(self.per_key).enumerate();
        let spare = keys.filter(|(_, key)| key.iter().all(|keysym| *keysym == 0));
        spare.map(|(at, _)| self.first + at as Keycode).collect()
    }

    /// Binds spare keys to these keysyms, as far as there are any; returns how many it bound. Pauses before it takes
    /// keys that were bound before.
    fn bind(&mut self, wanted: &[Keysym]) -> Result<usize, Failure> {
        let mut free = self.spare();
        let machine = self.machine.clone();
        let mut bound = machine.desktop.spare_keys.lock();
        if free.len() < wanted.len() && !bound.is_empty() {
            std::thread::sleep(REBIND_PAUSE);
        }
        let mut codes = Vec::new();
        for keysym in wanted {
            // Without a spare one, the key that was bound first; never one of this call.
            let oldest = bound.len() > codes.len();
            let Some(code) = free.pop_front().or_else(|| oldest.then(|| bound.pop_front()).flatten()) else {
                break;
            };
            let key = self.at(code);
            self.keysyms[key..key + self.per_key].fill(0);
            self.keysyms[key..key + self.per_key.min(2)].fill(*keysym);
            bound.push_back(code);
            codes.push(code);
        }
        let count = codes.len();
        self.send(codes)?;
        Ok(count)
    }

    /// Where the keysyms of a key begin.
    fn at(&self, code: Keycode) -> usize {
        usize::from(code - self.first) * self.per_key
    }

    /// Tells the display what is on these keys, in few requests: programs read the whole keyboard again after each.
    fn send(&self, mut codes: Vec<Keycode>) -> Result<(), Failure> {
        codes.sort_unstable();
        // A key of one character between two of them is sent along as it is.
        let is_simple = |code| {
            let key = &self.keysyms[self.at(code)..][..self.per_key];
            key.iter().all(|keysym| *keysym == 0 || *keysym == key[0])
        };
        for run in codes.chunk_by(|code, next| (code + 1..*next).all(is_simple)) {
            let (first, last) = (run[0], run[run.len() - 1]);
            let keysyms = &self.keysyms[self.at(first)..self.at(last) + self.per_key];
            let count = last - first + 1;
            self.display.connection.change_keyboard_mapping(count, first, self.per_key as u8, keysyms)?;
        }
        self.display.sync()
    }

    fn key(&mut self, keysym: Keysym) -> Result<Key, Failure> {
        if self.find(keysym).is_none() {
            self.bind(&[keysym])?;
        }
        self.find(keysym)
            .ok_or_else(|| Failure::internal("no key of the keyboard is free for this character"))
    }

    fn fake(&self, key: Keycode, down: bool) -> Result<(), Failure> {
        let event = if down { KEY_PRESS_EVENT } else { KEY_RELEASE_EVENT };
        self.display.connection.xtest_fake_input(event, key, 0, self.display.root(), 0, 0, 0)?;
        Ok(())
    }

    fn press(mut self, chord: &Chord) -> Result<(), Failure> {
        let held: Vec<Keycode> = chord
            .modifiers
            .iter()
            .map(|modifier| Ok(self.key(modifier.keysym())?.code))
            .collect::<Result<_, Failure>>()?;
        let key = self.key(chord.key)?;
        for code in &held {
            self.fake(*code, true)?;
        }
        self.tap(key)?;
        for code in held.iter().rev() {
            self.fake(*code, false)?;
        }
        self.display.sync()
    }

    /// Presses these modifiers, or releases them.
    pub(super) fn hold(&mut self, modifiers: &[Modifier], down: bool) -> Result<(), Failure> {
        for modifier in modifiers {
            let code = self.key(modifier.keysym())?.code;
            self.fake(code, down)?;
        }
        self.display.sync()
    }

    fn tap(&mut self, key: Key) -> Result<(), Failure> {
        let shift = if key.shift { Some(self.key(SHIFT)?.code) } else { None };
        for code in shift.into_iter().chain([key.code]) {
            self.fake(code, true)?;
        }
        for code in [key.code].into_iter().chain(shift) {
            self.fake(code, false)?;
        }
        Ok(())
    }

    fn type_all(mut self, keysyms: &[Keysym], pause: Duration) -> Result<(), Failure> {
        let mut rest = keysyms;
        while !rest.is_empty() {
            let mut missing: Vec<Keysym> = Vec::new();
            for keysym in rest {
                if self.find(*keysym).is_none() && !missing.contains(keysym) {
                    missing.push(*keysym);
                }
            }
            let bound = self.bind(&missing)?;
            // Up to the first character that got no key.
            let until = missing.get(bound).and_then(|first| rest.iter().position(|keysym| keysym == first));
            let (now, later) = rest.split_at(until.unwrap_or(rest.len()));
            if now.is_empty() {
                return Err(Failure::internal("no key of the keyboard is free for this character"));
            }
            for keysym in now {
                let key = self.key(*keysym)?;
                self.tap(key)?;
                self.display.sync()?;
                std::thread::sleep(pause);
            }
            rest = later;
        }
        Ok(())
    }
}
