//! What answers have shown of a sandbox's desktop, kept between calls.

use crate::client::lock::Mutex;

#[derive(Default)]
pub(crate) struct DesktopNotes {
    /// Whether the daemon has the routes of 0.226; `None`: not known yet.
    pub has_0_226: Mutex<Option<bool>>,
    /// The area of all screens, as last read.
    pub area: Mutex<Option<Area>>,
}

impl DesktopNotes {
    pub fn forget(&self) {
        *self.has_0_226.lock() = None;
        *self.area.lock() = None;
    }
}

/// The smallest rectangle around all screens, in pixels.
#[derive(Clone, Copy)]
pub(crate) struct Area {
    pub left: i64,
    pub top: i64,
    pub right: i64,
    pub bottom: i64,
}
