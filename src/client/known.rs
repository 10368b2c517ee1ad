//! The values that the specification names for a text. The server may know more: what comes with a result, or
//! is sent as a parameter, passes as it is. Generated languages make open enumerations of these.

/// Declares a type that stands in a schema for a text with known values, as
/// `schemars(with = "Option<known::SandboxState>")`.
macro_rules! known {
    ($($(#[doc = $doc:literal])+ $name:ident: $($value:literal)|+;)+) => {
        $(
            $(#[doc = $doc])+
            pub struct $name;

            #[cfg(feature = "schema")]
            impl schemars::JsonSchema for $name {
                fn schema_name() -> std::borrow::Cow<'static, str> {
                    stringify!($name).into()
                }

                fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                    schemars::json_schema!({
                        "description": concat!($($doc),+),
                        "type": "string",
                        "known": [$($value),+],
                    })
                }
            }
        )+
    };
}

known! {
    /// A sandbox's state.
    SandboxState: "creating" | "restoring" | "destroyed" | "destroying" | "started" | "stopped" | "starting" | "stopping"
        | "error" | "build_failed" | "pending_build" | "building_snapshot" | "unknown" | "pulling_snapshot" | "archived"
        | "archiving" | "resizing" | "snapshotting" | "forking" | "pausing" | "paused" | "resuming";
    /// The state that a sandbox is on its way to.
    SandboxDesiredState: "destroyed" | "started" | "stopped" | "resized" | "archived" | "paused";
    /// A metric of a sandbox.
    Metric: "daytona.sandbox.cpu.utilization" | "daytona.sandbox.cpu.limit" | "daytona.sandbox.memory.usage"
        | "daytona.sandbox.memory.limit" | "daytona.sandbox.memory.cache" | "daytona.sandbox.filesystem.usage"
        | "daytona.sandbox.filesystem.total";
    /// What kind of machine a sandbox is.
    SandboxClass: "linux-vm" | "container" | "android" | "windows";
    /// How far the backup of a sandbox is.
    BackupState: "None" | "Pending" | "InProgress" | "Completed" | "Error";
    /// Whose Dockerfiles an image object is rendered as.
    ImageStyle: "go" | "python" | "typescript" | "ruby";
    /// A kind of GPU.
    GpuType: "H100" | "H200" | "RTX-PRO-6000" | "RTX-4090" | "RTX-5090";
    /// What a list of sandboxes is sorted by.
    SandboxSort: "name" | "cpu" | "memoryGib" | "diskGib" | "lastActivityAt" | "createdAt";
    /// The direction of a sorted list.
    SortOrder: "asc" | "desc";
    /// A language that `process.code_run` runs.
    Language: "python" | "typescript" | "javascript";
    /// What a chart shows.
    ChartType: "line" | "scatter" | "bar" | "pie" | "box_and_whisker" | "composite_chart" | "unknown";
    /// The scale of a chart's axis.
    ChartScale: "linear" | "log" | "symlog" | "logit" | "datetime" | "categorical";
    /// A program of the desktop.
    ComputerProcessName: "xvfb" | "xfce4" | "x11vnc" | "novnc" | "atspi";
    /// How much of the desktop runs.
    DesktopState: "active" | "partial" | "inactive" | "error" | "unknown";
    /// A button of the mouse.
    MouseButton: "left" | "right" | "middle";
    /// Where the wheel of the mouse turns to.
    ScrollDirection: "up" | "down" | "left" | "right";
    /// A key that is held while another key or a button is pressed.
    ModifierKey: "ctrl" | "alt" | "shift" | "cmd";
    /// The format of a screenshot.
    ImageFormat: "png" | "jpeg";
    /// How far a recording of the screen is.
    RecordingStatus: "recording" | "completed" | "failed";
    /// Which programs a question about the accessibility tree is about.
    AccessibilityScope: "focused" | "pid" | "all";
    /// How a widget's name is compared.
    NameMatch: "exact" | "substring" | "regex";
    /// What a volume is doing.
    VolumeState: "creating" | "ready" | "pending_create" | "pending_delete" | "deleting" | "deleted" | "error";
    /// What a snapshot is doing.
    SnapshotState: "building" | "pending" | "pulling" | "snapshotting" | "active" | "inactive" | "error"
        | "build_failed" | "removing";
    /// What a list of secrets is sorted by.
    SecretSort: "name" | "createdAt" | "updatedAt";
    /// Whose a region is.
    RegionType: "shared" | "dedicated" | "custom";
    /// Who made an error: the main API, the daemon in the sandbox, or the proxy before it.
    ErrorSource: "DAYTONA_API" | "DAYTONA_DAEMON" | "DAYTONA_PROXY";
}
