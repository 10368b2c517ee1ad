//! Arguments and options: one serde struct per operation, documented field by field. The structs
//! live beside the functions, one room a noun; [`params!`](crate::params) adds what all have in common.

use serde::de::DeserializeOwned;

/// What every operation's parameters have in common.
pub trait Params: DeserializeOwned + Send + 'static {
    /// `timeoutMs` as given: 0 is no limit, absent the operation's default.
    fn timeout_ms(&self) -> Option<u64>;
    /// `bufferBytes` as given: the bound on a stream's unread data.
    fn buffer_bytes(&self) -> Option<u64> {
        None
    }
}

/// What every operation takes beside its own parameters. [`params!`](crate::params) adds the keys.
#[cfg(feature = "schema")]
#[derive(schemars::JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub struct CommonOptions {
    /// Milliseconds until the library gives up; 0 is no limit, absent the operation's default. Of a stream it
    /// bounds its whole life.
    #[schemars(extend("unit" = "ms"))]
    pub timeout_ms: Option<u64>,
    /// Of a stream without a queue: how many bytes may wait unread (and, of what is written, unsent) before the
    /// socket is paused. Default 1 MiB, at least 64 KiB.
    #[schemars(extend("unit" = "bytes", "streams" = true))]
    pub buffer_bytes: Option<u64>,
}

/// Declares a struct of parameters: camelCase keys, unknown keys refused, `timeoutMs` everywhere and
/// `bufferBytes` where `stream` stands before the struct. A required argument has a plain type, an
/// option is an `Option`.
#[macro_export]
macro_rules! params {
    ($(#[$meta:meta])* pub struct $name:ident { $($(#[$field_meta:meta])* pub $field:ident : $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, serde::Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $type,)*
            /// As every operation takes it: [`CommonOptions`]($crate::client::operation::CommonOptions).
            #[cfg_attr(feature = "schema", schemars(skip))]
            pub timeout_ms: Option<u64>,
        }
        impl $crate::client::operation::Params for $name {
            fn timeout_ms(&self) -> Option<u64> {
                self.timeout_ms
            }
        }
    };
    (stream $(#[$meta:meta])* pub struct $name:ident { $($(#[$field_meta:meta])* pub $field:ident : $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, serde::Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $type,)*
            /// As every operation takes it: [`CommonOptions`]($crate::client::operation::CommonOptions).
            #[cfg_attr(feature = "schema", schemars(skip))]
            pub timeout_ms: Option<u64>,
            /// As every stream takes it: [`CommonOptions`]($crate::client::operation::CommonOptions).
            #[cfg_attr(feature = "schema", schemars(skip))]
            pub buffer_bytes: Option<u64>,
        }
        impl $crate::client::operation::Params for $name {
            fn timeout_ms(&self) -> Option<u64> {
                self.timeout_ms
            }
            fn buffer_bytes(&self) -> Option<u64> {
                self.buffer_bytes
            }
        }
    };
}
