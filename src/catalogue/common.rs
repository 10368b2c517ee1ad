//! The shapes that belong to no single operation, for the generator: options that all take, the configuration
//! of a client, the options of a queue, the error JSON, the data of PROGRESS.

use super::QueueOptions;
use crate::client::config::Options;
use crate::client::error::ErrorDetail;
use crate::client::operation::CommonOptions;
use schemars::{JsonSchema, Schema, SchemaGenerator};

/// `timeoutMs` of every operation, `bufferBytes` of every stream.
pub fn options(schemas: &mut SchemaGenerator) -> Schema {
    CommonOptions::json_schema(schemas)
}

/// What `daytona_client_open` takes.
pub fn config(schemas: &mut SchemaGenerator) -> Schema {
    schemas.subschema_for::<Options>()
}

/// What `daytona_queue_open` and `daytona_queue_open_callback` take.
pub fn queue(schemas: &mut SchemaGenerator) -> Schema {
    schemas.subschema_for::<QueueOptions>()
}

/// What `out`, DONE and ENDED have after a failure.
pub fn error(schemas: &mut SchemaGenerator) -> Schema {
    schemas.subschema_for::<ErrorDetail>()
}

/// The data of PROGRESS.
pub fn progress(schemas: &mut SchemaGenerator) -> Schema {
    /// How far a transfer is.
    #[derive(JsonSchema)]
    #[allow(dead_code)] // A shape alone: the event is written by hand.
    struct Progress {
        /// Bytes moved.
        #[schemars(extend("unit" = "bytes"))]
        bytes: u64,
        /// Bytes in all; null while they are not known.
        #[schemars(extend("unit" = "bytes"))]
        total: Option<u64>,
    }
    schemas.subschema_for::<Progress>()
}
