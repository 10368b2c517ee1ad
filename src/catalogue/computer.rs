//! The entries of `computer.*`.

use super::Operation;
use super::entry::operation;
use crate::client::computer;

pub(super) const ENTRIES: &[Operation] = &[
    operation! {
        /// Starts the desktop: the display, its window manager and the programs that show it in a browser.
        ///
        /// Returns when they run, which takes the hosted service about ten seconds; a daemon that is still loading
        /// its desktop part is asked again for up to six. One that runs already is left as it is. What is missing in
        /// the sandbox is HTTP_SERVICE_UNAVAILABLE (503), whose message names it.
        "computer.start", Sandbox, Guide, computer::ComputerNothing,
        required: [],
        result: Json(computer::DesktopChanged),
        fails: [HTTP_BAD_REQUEST, HTTP_SERVICE_UNAVAILABLE],
        codes: [],
        endpoint: "POST {sb}/computeruse/start",
        cancel: "Drops the connection; the desktop may have been started.",
        timeout: Minute,
        call: computer::start,
    },
    operation! {
        /// Stops the desktop and its programs; programs that were shown on it lose their display.
        "computer.stop", Sandbox, Guide, computer::ComputerNothing,
        required: [],
        result: Json(computer::DesktopChanged),
        fails: [HTTP_BAD_REQUEST, HTTP_SERVICE_UNAVAILABLE],
        codes: [],
        endpoint: "POST {sb}/computeruse/stop",
        cancel: "Drops the connection; the desktop may have been stopped.",
        timeout: Minute,
        call: computer::stop,
    },
    operation! {
        /// Whether the desktop runs, by its programs. `partial` was also seen where none was started.
        "computer.status", Sandbox, Guide, computer::ComputerNothing,
        required: [],
        result: Json(computer::DesktopStatus),
        fails: [HTTP_BAD_REQUEST, HTTP_SERVICE_UNAVAILABLE],
        codes: [],
        endpoint: "GET {sb}/computeruse/process-status",
        cancel: "Drops the connection; nothing changes in the sandbox.",
        timeout: Minute,
        call: computer::status,
    },
    operation! {
        /// The same as computer.status, from the server's other endpoint.
        "computer.system_status", Sandbox, Newer, computer::ComputerNothing,
        required: [],
        result: Json(computer::DesktopStatus),
        fails: [HTTP_BAD_REQUEST, HTTP_SERVICE_UNAVAILABLE],
        codes: [],
        endpoint: "GET {sb}/computeruse/status",
        cancel: "Drops the connection; nothing changes in the sandbox.",
        timeout: Minute,
        call: computer::system_status,
    },
    operation! {
        /// Whether one program of the desktop runs. An unknown name is HTTP_SERVICE_UNAVAILABLE (503), as the daemon
        /// has it.
        "computer.process_status", Sandbox, Newer, computer::ProcessStatus,
        required: ["name"],
        result: Json(computer::ProcessRunning),
        fails: [HTTP_BAD_REQUEST, HTTP_SERVICE_UNAVAILABLE],
        codes: [],
        endpoint: "GET {sb}/computeruse/process/{name}/status",
        cancel: "Drops the connection; nothing changes in the sandbox.",
        timeout: Minute,
        call: computer::process_status,
    },
    operation! {
        /// The standard output of one program of the desktop, over all its starts. An unknown name, or a program that
        /// was never started, is HTTP_BAD_REQUEST.
        "computer.process_logs", Sandbox, Newer, computer::ProcessLogs,
        required: ["name"],
        result: Json(computer::ProcessLogsText),
        fails: [HTTP_BAD_REQUEST, HTTP_SERVICE_UNAVAILABLE],
        codes: [],
        endpoint: "GET {sb}/computeruse/process/{name}/logs",
        cancel: "Drops the connection; nothing changes in the sandbox.",
        timeout: Minute,
        call: computer::process_logs,
    },
    operation! {
        /// The standard error of one program of the desktop, over all its starts. An unknown name, or a program that
        /// was never started, is HTTP_BAD_REQUEST.
        "computer.process_errors", Sandbox, Newer, computer::ProcessErrors,
        required: ["name"],
        result: Json(computer::ProcessErrorsText),
        fails: [HTTP_BAD_REQUEST, HTTP_SERVICE_UNAVAILABLE],
        codes: [],
        endpoint: "GET {sb}/computeruse/process/{name}/errors",
        cancel: "Drops the connection; nothing changes in the sandbox.",
        timeout: Minute,
        call: computer::process_errors,
    },
    operation! {
        /// Ends one program of the desktop and starts it anew. With xvfb every program that is shown ends too. An
        /// unknown name is HTTP_BAD_REQUEST.
        "computer.process_restart", Sandbox, Newer, computer::ProcessRestart,
        required: ["name"],
        result: Json(computer::ProcessRestarted),
        fails: [HTTP_BAD_REQUEST, HTTP_SERVICE_UNAVAILABLE],
        codes: [],
        endpoint: "POST {sb}/computeruse/process/{name}/restart",
        cancel: "Drops the connection; the program may have been started anew.",
        timeout: Minute,
        call: computer::process_restart,
    },
    operation! {
        /// A picture of the screen or of a part of it, as the server's JSON with the image in base64.
        ///
        /// A region that lies outside the screen is INVALID_ARGUMENT: the library reads the screen's size once. Before
        /// computer.start it is HTTP_BAD_REQUEST.
        "computer.screenshot", Sandbox, Guide, computer::Screenshot,
        required: [],
        result: Json(computer::ScreenshotTaken),
        fails: [HTTP_BAD_REQUEST, HTTP_SERVICE_UNAVAILABLE],
        codes: [],
        endpoint: "GET {sb}/computeruse/screenshot, /screenshot/region, /screenshot/compressed, /screenshot/region/compressed",
        cancel: "Drops the connection; nothing changes in the sandbox.",
        timeout: Minute,
        call: computer::screenshot,
    },
    operation! {
        /// A picture of the screen or of a part of it, as the bytes of a PNG or JPEG file.
        ///
        /// The errors are those of computer.screenshot; an answer without a readable image is PROTOCOL.
        "computer.screenshot_image", Sandbox, Ours, computer::Screenshot,
        required: [],
        result: Bytes,
        fails: [HTTP_BAD_REQUEST, HTTP_SERVICE_UNAVAILABLE],
        codes: [],
        endpoint: "GET {sb}/computeruse/screenshot, /screenshot/region, /screenshot/compressed, /screenshot/region/compressed",
        cancel: "Drops the connection; nothing changes in the sandbox.",
        timeout: Minute,
        call: computer::screenshot_image,
    },
    operation! {
        /// Where the mouse is.
        ///
        /// Before computer.start a daemon of 0.190 loses its desktop part over this question until the sandbox is
        /// started anew.
        "computer.mouse_position", Sandbox, Guide, computer::ComputerNothing,
        required: [],
        result: Json(computer::Position),
        fails: [HTTP_BAD_REQUEST, HTTP_SERVICE_UNAVAILABLE],
        codes: [],
        endpoint: "GET {sb}/computeruse/mouse/position",
        cancel: "Drops the connection; nothing changes in the sandbox.",
        timeout: Minute,
        call: computer::mouse_position,
    },
    operation! {
        /// Moves the mouse and answers where it is then: it stays on the screen.
        "computer.mouse_move", Sandbox, Guide, computer::MouseMove,
        required: ["x", "y"],
        result: Json(computer::Position),
        fails: [HTTP_BAD_REQUEST, HTTP_SERVICE_UNAVAILABLE],
        codes: [],
        endpoint: "POST {sb}/computeruse/mouse/move",
        cancel: "Drops the connection; the mouse may have moved.",
        timeout: Minute,
        call: computer::mouse_move,
    },
    operation! {
        /// Moves the mouse and clicks. An unknown button is HTTP_BAD_REQUEST.
        ///
        /// `clicks` and `modifiers` on a server before 0.226 are UNSUPPORTED, and nothing is clicked.
        "computer.mouse_click", Sandbox, Guide, computer::MouseClick,
        required: ["x", "y"],
        result: Json(computer::Position),
        fails: [UNSUPPORTED, HTTP_BAD_REQUEST, HTTP_SERVICE_UNAVAILABLE],
        codes: [],
        endpoint: "POST {sb}/computeruse/mouse/click",
        cancel: "Drops the connection; the click may have happened.",
        timeout: Minute,
        call: computer::mouse_click,
    },
    operation! {
        /// Clicks at the start, then drags from there to the end, smoothly. An unknown button is HTTP_BAD_REQUEST.
        ///
        /// `modifiers` on a server before 0.226 is UNSUPPORTED, and nothing is dragged.
        "computer.mouse_drag", Sandbox, Guide, computer::MouseDrag,
        required: ["startX", "startY", "endX", "endY"],
        result: Json(computer::Position),
        fails: [UNSUPPORTED, HTTP_BAD_REQUEST, HTTP_SERVICE_UNAVAILABLE],
        codes: [],
        endpoint: "POST {sb}/computeruse/mouse/drag",
        cancel: "Drops the connection; the drag goes on to its end.",
        timeout: Minute,
        call: computer::mouse_drag,
    },
    operation! {
        /// Moves the mouse and turns its wheel. An unknown direction is HTTP_BAD_REQUEST.
        ///
        /// The directions left and right, and `modifiers`, on a server before 0.226 are UNSUPPORTED, and nothing is
        /// scrolled.
        "computer.mouse_scroll", Sandbox, Guide, computer::MouseScroll,
        required: ["x", "y", "direction"],
        result: Json(computer::Scrolled),
        fails: [UNSUPPORTED, HTTP_BAD_REQUEST, HTTP_SERVICE_UNAVAILABLE],
        codes: [],
        endpoint: "POST {sb}/computeruse/mouse/scroll",
        cancel: "Drops the connection; the mouse may have moved.",
        timeout: Minute,
        call: computer::mouse_scroll,
    },
    operation! {
        /// Presses a button of the mouse and holds it until computer.mouse_up. UNSUPPORTED before 0.226.
        "computer.mouse_down", Sandbox, Newer, computer::MouseDown,
        required: [],
        result: Json(computer::Position),
        fails: [UNSUPPORTED, HTTP_BAD_REQUEST, HTTP_SERVICE_UNAVAILABLE],
        codes: [],
        endpoint: "POST {sb}/computeruse/mouse/down",
        cancel: "Drops the connection; the button may be down.",
        timeout: Minute,
        call: computer::mouse_down,
    },
    operation! {
        /// Releases a button of the mouse. UNSUPPORTED before 0.226.
        "computer.mouse_up", Sandbox, Newer, computer::MouseUp,
        required: [],
        result: Json(computer::Position),
        fails: [UNSUPPORTED, HTTP_BAD_REQUEST, HTTP_SERVICE_UNAVAILABLE],
        codes: [],
        endpoint: "POST {sb}/computeruse/mouse/up",
        cancel: "Drops the connection; the button may be up.",
        timeout: Minute,
        call: computer::mouse_up,
    },
    operation! {
        /// Types a text where the keyboard is, any characters, and returns when it is typed. A tab or another control
        /// character is HTTP_BAD_REQUEST, and nothing is typed: press `tab` instead.
        ///
        /// The limit is a minute and twice the time that the keys take, unless `timeoutMs` is given.
        "computer.key_type", Sandbox, Guide, computer::KeyType,
        required: ["text"],
        result: Json(computer::Done),
        fails: [HTTP_BAD_REQUEST, HTTP_SERVICE_UNAVAILABLE],
        codes: [],
        endpoint: "POST {sb}/computeruse/keyboard/type",
        cancel: "Drops the connection; the server types on to the end.",
        timeout: None,
        call: computer::key_type,
    },
    operation! {
        /// Presses one key and releases it. An unknown key or modifier is HTTP_BAD_REQUEST, whose message names it.
        "computer.key_press", Sandbox, Guide, computer::KeyPress,
        required: ["key"],
        result: Json(computer::Done),
        fails: [HTTP_BAD_REQUEST, HTTP_SERVICE_UNAVAILABLE],
        codes: [],
        endpoint: "POST {sb}/computeruse/keyboard/key",
        cancel: "Drops the connection; the keys may have been pressed.",
        timeout: Minute,
        call: computer::key_press,
    },
    operation! {
        /// Presses a key while others are held. An unknown key is HTTP_BAD_REQUEST, whose message names it.
        "computer.key_hotkey", Sandbox, Guide, computer::KeyHotkey,
        required: ["keys"],
        result: Json(computer::Done),
        fails: [HTTP_BAD_REQUEST, HTTP_SERVICE_UNAVAILABLE],
        codes: [],
        endpoint: "POST {sb}/computeruse/keyboard/hotkey",
        cancel: "Drops the connection; the keys may have been pressed.",
        timeout: Minute,
        call: computer::key_hotkey,
    },
    operation! {
        /// Presses a key and holds it until computer.key_up. UNSUPPORTED before 0.226.
        "computer.key_down", Sandbox, Newer, computer::KeyDown,
        required: ["key"],
        result: Json(computer::Done),
        fails: [UNSUPPORTED, HTTP_BAD_REQUEST, HTTP_SERVICE_UNAVAILABLE],
        codes: [],
        endpoint: "POST {sb}/computeruse/keyboard/down",
        cancel: "Drops the connection; the key may be down.",
        timeout: Minute,
        call: computer::key_down,
    },
    operation! {
        /// Releases a key. UNSUPPORTED before 0.226.
        "computer.key_up", Sandbox, Newer, computer::KeyUp,
        required: ["key"],
        result: Json(computer::Done),
        fails: [UNSUPPORTED, HTTP_BAD_REQUEST, HTTP_SERVICE_UNAVAILABLE],
        codes: [],
        endpoint: "POST {sb}/computeruse/keyboard/up",
        cancel: "Drops the connection; the key may be up.",
        timeout: Minute,
        call: computer::key_up,
    },
    operation! {
        /// Begins a video of the screen. A label with other characters is HTTP_BAD_REQUEST; a sandbox without ffmpeg
        /// has the code RECORDING_FFMPEG_NOT_FOUND, before 0.205 with HTTP_BAD_REQUEST.
        "computer.recording_start", Sandbox, Guide, computer::RecordingStart,
        required: [],
        result: Json(computer::Recording),
        fails: [HTTP_BAD_REQUEST, HTTP_SERVICE_UNAVAILABLE],
        codes: [RECORDING_FFMPEG_NOT_FOUND],
        endpoint: "POST {sb}/computeruse/recordings/start",
        cancel: "Drops the connection; the recording may run.",
        timeout: Minute,
        call: computer::recording_start,
    },
    operation! {
        /// Ends a video, and returns when its file is complete. One that does not run is HTTP_NOT_FOUND.
        "computer.recording_stop", Sandbox, Guide, computer::RecordingStop,
        required: ["id"],
        result: Json(computer::Recording),
        fails: [HTTP_BAD_REQUEST, HTTP_NOT_FOUND, HTTP_SERVICE_UNAVAILABLE],
        codes: [],
        endpoint: "POST {sb}/computeruse/recordings/stop",
        cancel: "Drops the connection; the recording may have been stopped.",
        timeout: Minute,
        call: computer::recording_stop,
    },
    operation! {
        /// The videos of the sandbox.
        "computer.recording_list", Sandbox, Guide, computer::ComputerNothing,
        required: [],
        result: Json(computer::Recordings),
        fails: [HTTP_BAD_REQUEST, HTTP_SERVICE_UNAVAILABLE],
        codes: [],
        endpoint: "GET {sb}/computeruse/recordings",
        cancel: "Drops the connection; nothing changes in the sandbox.",
        timeout: Minute,
        call: computer::recording_list,
    },
    operation! {
        /// One video of the sandbox. An unknown id is HTTP_NOT_FOUND.
        "computer.recording_get", Sandbox, Guide, computer::RecordingGet,
        required: ["id"],
        result: Json(computer::Recording),
        fails: [HTTP_BAD_REQUEST, HTTP_NOT_FOUND, HTTP_SERVICE_UNAVAILABLE],
        codes: [],
        endpoint: "GET {sb}/computeruse/recordings/{id}",
        cancel: "Drops the connection; nothing changes in the sandbox.",
        timeout: Minute,
        call: computer::recording_get,
    },
    operation! {
        /// Deletes a video. One that still runs has the code RECORDING_STILL_ACTIVE, before 0.205 with
        /// HTTP_BAD_REQUEST; an unknown id is HTTP_NOT_FOUND.
        "computer.recording_delete", Sandbox, Guide, computer::RecordingDelete,
        required: ["id"],
        fails: [HTTP_BAD_REQUEST, HTTP_NOT_FOUND, HTTP_SERVICE_UNAVAILABLE],
        codes: [RECORDING_STILL_ACTIVE],
        endpoint: "DELETE {sb}/computeruse/recordings/{id}",
        cancel: "Drops the connection; the recording may be gone.",
        timeout: Minute,
        call: computer::recording_delete,
    },
    operation! {
        /// Copies a video to a local file, with constant memory, as files.download does: the file appears under its
        /// name when it is complete, directories above it are made, and a submitted call reports PROGRESS.
        ///
        /// An unknown id is HTTP_NOT_FOUND, what cannot be written here IO. Of one that still runs it is what is there
        /// so far. No time limit of its own: the idle limit applies.
        "computer.recording_download", Sandbox, Guide, computer::RecordingDownload,
        required: ["id", "localPath"],
        result: Json(crate::client::files::Transferred),
        progress: true,
        fails: [IO, HTTP_BAD_REQUEST, HTTP_NOT_FOUND, HTTP_SERVICE_UNAVAILABLE],
        codes: [],
        endpoint: "GET {sb}/computeruse/recordings/{id}/download",
        cancel: "Drops the connection and removes the unfinished local file; one that was there stays as it was.",
        timeout: None,
        call: computer::recording_download,
    },
    operation! {
        /// The screens and their sizes.
        "computer.display_info", Sandbox, Guide, computer::ComputerNothing,
        required: [],
        result: Json(computer::DisplayInfo),
        fails: [HTTP_BAD_REQUEST, HTTP_SERVICE_UNAVAILABLE],
        codes: [],
        endpoint: "GET {sb}/computeruse/display/info",
        cancel: "Drops the connection; nothing changes in the sandbox.",
        timeout: Minute,
        call: computer::display_info,
    },
    operation! {
        /// The windows and their titles.
        "computer.windows", Sandbox, Guide, computer::ComputerNothing,
        required: [],
        result: Json(computer::Windows),
        fails: [HTTP_BAD_REQUEST, HTTP_SERVICE_UNAVAILABLE],
        codes: [],
        endpoint: "GET {sb}/computeruse/display/windows",
        cancel: "Drops the connection; nothing changes in the sandbox.",
        timeout: Minute,
        call: computer::windows,
    },
    operation! {
        /// The widgets of one program or of all, as accessibility tools see them.
        ///
        /// No program with the keyboard, or none of that process id, is HTTP_NOT_FOUND. A desktop without accessibility
        /// has the code A11Y_UNAVAILABLE.
        "computer.a11y_tree", Sandbox, Newer, computer::A11yTree,
        required: [],
        result: Json(computer::AccessibilityTree),
        fails: [HTTP_BAD_REQUEST, HTTP_NOT_FOUND],
        codes: [A11Y_UNAVAILABLE],
        endpoint: "GET {sb}/computeruse/a11y/tree",
        cancel: "Drops the connection; nothing changes in the sandbox.",
        timeout: Minute,
        call: computer::a11y_tree,
    },
    operation! {
        /// The widgets of that role, name and states. A `nameMatch` or pattern that cannot be read is
        /// HTTP_BAD_REQUEST.
        "computer.a11y_find", Sandbox, Newer, computer::A11yFind,
        required: [],
        result: Json(computer::AccessibilityMatches),
        fails: [HTTP_BAD_REQUEST, HTTP_NOT_FOUND],
        codes: [A11Y_UNAVAILABLE],
        endpoint: "POST {sb}/computeruse/a11y/find",
        cancel: "Drops the connection; nothing changes in the sandbox.",
        timeout: Minute,
        call: computer::a11y_find,
    },
    operation! {
        /// Gives a widget the keyboard. One that takes none is HTTP_BAD_REQUEST, an unknown id HTTP_NOT_FOUND.
        "computer.a11y_focus", Sandbox, Newer, computer::A11yFocus,
        required: ["id"],
        result: Json(computer::Done),
        fails: [HTTP_BAD_REQUEST, HTTP_NOT_FOUND],
        codes: [A11Y_UNAVAILABLE],
        endpoint: "POST {sb}/computeruse/a11y/node/focus",
        cancel: "Drops the connection; the widget may have the keyboard.",
        timeout: Minute,
        call: computer::a11y_focus,
    },
    operation! {
        /// Does what a widget can do, as clicking a button. An action that it has not is HTTP_BAD_REQUEST, an unknown
        /// id HTTP_NOT_FOUND.
        "computer.a11y_invoke", Sandbox, Newer, computer::A11yInvoke,
        required: ["id"],
        result: Json(computer::Done),
        fails: [HTTP_BAD_REQUEST, HTTP_NOT_FOUND],
        codes: [A11Y_UNAVAILABLE],
        endpoint: "POST {sb}/computeruse/a11y/node/invoke",
        cancel: "Drops the connection; the action may have happened.",
        timeout: Minute,
        call: computer::a11y_invoke,
    },
    operation! {
        /// Sets the text or the number of a widget. One that has neither is HTTP_BAD_REQUEST, an unknown id
        /// HTTP_NOT_FOUND.
        "computer.a11y_set_value", Sandbox, Newer, computer::A11ySetValue,
        required: ["id", "value"],
        result: Json(computer::Done),
        fails: [HTTP_BAD_REQUEST, HTTP_NOT_FOUND],
        codes: [A11Y_UNAVAILABLE],
        endpoint: "POST {sb}/computeruse/a11y/node/value",
        cancel: "Drops the connection; the value may have changed.",
        timeout: Minute,
        call: computer::a11y_set_value,
    },
];
