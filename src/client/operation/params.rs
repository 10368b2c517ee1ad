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

/// `bufferBytes` where it is absent.
pub const BUFFER_BYTES: u64 = 1 << 20;

/// What every operation takes beside its own parameters. [`params!`](crate::params) adds the keys.
#[cfg(feature = "schema")]
#[derive(schemars::JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub struct CommonOptions {
    /// Milliseconds until the library gives up; 0 is no limit, absent the operation's default. Of a stream it
    /// bounds its whole life.
    #[schemars(extend("unit" = "ms", "endless" = 0))]
    pub timeout_ms: Option<u64>,
    /// Of a stream without a queue: how many bytes may wait unread (and, of what is written, unsent) before the
    /// socket is paused. Less than 64 KiB is taken for 64 KiB.
    #[schemars(extend("unit" = "bytes", "streams" = true, "default" = BUFFER_BYTES))]
    pub buffer_bytes: Option<u64>,
}

/// An option's value where it is given, as its reader takes it: a text by reference, what else a
/// [`params!`](crate::params) default can be of by value.
pub trait Given {
    type Value<'a>
    where
        Self: 'a;

    fn given(&self) -> Option<Self::Value<'_>>;
}

impl Given for Option<String> {
    type Value<'a> = &'a str;

    fn given(&self) -> Option<&str> {
        self.as_deref()
    }
}

macro_rules! given_by_value {
    ($($type:ty),+) => {
        $(impl Given for Option<$type> {
            type Value<'a> = $type;

            fn given(&self) -> Self {
                *self
            }
        })+
    };
}

given_by_value!(bool, i32, u32, i64, u64, usize, f64);

/// Declares a struct of parameters: camelCase keys, unknown keys refused, `timeoutMs` everywhere and
/// `bufferBytes` where `stream` stands before the struct. A required argument has a plain type, an
/// option is an `Option`.
///
/// `pub depth: Option<i64> = 1,` states the option's fixed default, and is the one place that does: the schema's
/// `default` is made of it, and the text of every reference. The field stays `None` where the option is absent, so
/// that nothing is sent whose default the server fills in; where the code needs the value, the method of the
/// field's name, here `depth()`, gives the option or its default.
#[doc(hidden)]
#[macro_export]
macro_rules! params {
    (stream $($declaration:tt)*) => {
        $crate::params! { @declared
            {
                /// As every stream takes it: [`CommonOptions`]($crate::client::operation::CommonOptions).
                #[cfg_attr(feature = "schema", schemars(skip))]
                pub buffer_bytes: Option<u64>,
            }
            {
                fn buffer_bytes(&self) -> Option<u64> {
                    self.buffer_bytes
                }
            }
            $($declaration)*
        }
    };
    (@declared {$($more_fields:tt)*} {$($more_methods:tt)*} $(#[$meta:meta])* pub struct $name:ident {
        $($(#[$field_meta:meta])* pub $field:ident : $type:ty $(= $default:expr)?,)*
    }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, serde::Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct $name {
            $(
                $(#[$field_meta])*
                $(#[cfg_attr(feature = "schema", schemars(extend("default" = $default)))])?
                pub $field: $type,
            )*
            /// As every operation takes it: [`CommonOptions`]($crate::client::operation::CommonOptions).
            #[cfg_attr(feature = "schema", schemars(skip))]
            pub timeout_ms: Option<u64>,
            $($more_fields)*
        }
        impl $crate::client::operation::Params for $name {
            fn timeout_ms(&self) -> Option<u64> {
                self.timeout_ms
            }
            $($more_methods)*
        }
        $crate::params!(@defaults $name { $($($field: $type = $default,)?)* });
    };
    (@defaults $name:ident {}) => {};
    (@defaults $name:ident { $($field:ident : $type:ty = $default:expr,)+ }) => {
        #[allow(dead_code)] // The server fills most defaults in.
        impl $name {
            $(
                /// The option, or its default.
                pub(crate) fn $field(&self) -> <$type as $crate::client::operation::Given>::Value<'_> {
                    $crate::client::operation::Given::given(&self.$field).unwrap_or($default)
                }
            )+
        }
    };
    ($(#[$meta:meta])* pub struct $($declaration:tt)*) => {
        $crate::params! { @declared {} {} $(#[$meta])* pub struct $($declaration)* }
    };
}
