//! The keyboard.

use super::posting;
use super::version::send_0_226;
use crate::client::ANSWER_LIMIT;
use crate::client::error::{Error, Result};
use crate::client::operation::Context;
use crate::client::sandbox::Sandbox;
use crate::client::transport::{Json, Response};
use std::time::Duration;

/// The pause between two keys that the daemon makes by itself, roughly.
const KEY_PAUSE_MS: u64 = 10;

crate::params! {
    pub struct KeyType {
        /// The text. A line break is Enter; a tab and other control characters are HTTP_BAD_REQUEST.
        pub text: String,
        /// The pause between two keys; absent: the server's, which is short.
        #[cfg_attr(feature = "schema", schemars(range(min = 0), extend("unit" = "ms")))]
        pub delay: Option<i32>,
    }
}

crate::params! {
    pub struct KeyPress {
        /// A letter, digit or sign of an unshifted key, or a name as `enter`, `tab`, `f5`, `pageup`, in any case.
        pub key: String,
        /// Keys held meanwhile: `ctrl`, `alt`, `shift`, `cmd`.
        #[cfg_attr(feature = "schema", schemars(with = "Option<Vec<crate::client::known::ModifierKey>>"))]
        pub modifiers: Option<Vec<String>>,
    }
}

crate::params! {
    pub struct KeyHotkey {
        /// Modifiers and one key, as `ctrl+c` or `ctrl+shift+t`.
        pub keys: String,
    }
}

crate::params! {
    pub struct KeyDown {
        /// A key as computer.key_press names it.
        pub key: String,
    }
}

crate::params! {
    pub struct KeyUp {
        /// A key as computer.key_press names it.
        pub key: String,
    }
}

pub async fn key_type(sandbox: Sandbox, params: KeyType, _: Context) -> Result<Json> {
    let delay_ms = match params.delay {
        None => KEY_PAUSE_MS,
        Some(delay) => u64::try_from(delay)
            .map_err(|_| Error::invalid("computer.key_type: `delay` must not be negative"))?
            .max(KEY_PAUSE_MS),
    };
    // The server answers when the last key was typed.
    let keys = params.text.chars().count() as u64;
    let typing = Duration::from_millis(delay_ms.saturating_mul(keys).saturating_mul(2));
    let limit = params.timeout_ms.is_none().then(|| ANSWER_LIMIT.saturating_add(typing));
    let fields = [("text", Some(params.text.into())), ("delay", params.delay.map(Into::into))];
    done(posting(&sandbox, "keyboard/type", fields).await?.deadline(limit).send().await?).await
}

pub async fn key_press(sandbox: Sandbox, params: KeyPress, _: Context) -> Result<Json> {
    let fields = [("key", Some(params.key.into())), ("modifiers", params.modifiers.map(Into::into))];
    done(posting(&sandbox, "keyboard/key", fields).await?.send().await?).await
}

pub async fn key_hotkey(sandbox: Sandbox, params: KeyHotkey, _: Context) -> Result<Json> {
    done(posting(&sandbox, "keyboard/hotkey", [("keys", Some(params.keys.into()))]).await?.send().await?)
        .await
}

pub async fn key_down(sandbox: Sandbox, params: KeyDown, _: Context) -> Result<Json> {
    let request = posting(&sandbox, "keyboard/down", [("key", Some(params.key.into()))]).await?;
    done(send_0_226(&sandbox, "computer.key_down", request).await?).await
}

pub async fn key_up(sandbox: Sandbox, params: KeyUp, _: Context) -> Result<Json> {
    let request = posting(&sandbox, "keyboard/up", [("key", Some(params.key.into()))]).await?;
    done(send_0_226(&sandbox, "computer.key_up", request).await?).await
}

/// The server answers `{}`.
async fn done(answer: Response) -> Result<Json> {
    answer.object("an empty object").await
}
