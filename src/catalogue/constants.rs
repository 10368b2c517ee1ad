//! The numbers of the C interface beside the statuses, once. The header's constants are generated
//! from here.

/// Name, number, meaning.
pub type Constant = (&'static str, i32, &'static str);

/// What an event is.
pub const KINDS: &[Constant] = &[
    ("DONE", 1, "A submitted call is over: `data` is its result or the error JSON, `status` tells which."),
    ("OPENED", 2, "A stream is open: `data` is JSON about it, or `null`."),
    ("DATA", 3, "A piece of a stream: raw bytes, of `channel`, up to `position`."),
    ("PROGRESS", 4, "How far a transfer is: `position` bytes; `data` is `{\"bytes\":1,\"total\":2}`."),
    ("ENDED", 5, "A stream is over: `data` is JSON about how, or the error JSON, `status` tells which."),
    ("WRITABLE", 6, "There is room to write again."),
    ("LOG", 7, "A log line: `data` is `{\"level\":\"info\",\"message\":\"...\",\"dropped\":0}`."),
];

/// Which of a stream's channels DATA is of.
pub const CHANNELS: &[Constant] = &[
    ("NONE", 0, "The stream has one channel."),
    ("STDOUT", 1, "Standard output."),
    ("STDERR", 2, "Standard error."),
    ("STRUCTURED", 3, "A JSON value, as an interpreter's error."),
];

/// What is logged: this level and those below.
pub const LOG_LEVELS: &[Constant] = &[
    ("LOG_OFF", 0, "Nothing."),
    ("LOG_ERROR", 1, "What went wrong inside the library."),
    ("LOG_WARN", 2, "What was survived: retries, reconnects."),
    ("LOG_INFO", 3, "What changed."),
    ("LOG_DEBUG", 4, "Every request."),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::log;
    use crate::client::stream::Channel;

    #[test]
    fn the_client_uses_the_same_numbers() {
        let channels = [Channel::None, Channel::Stdout, Channel::Stderr, Channel::Structured];
        assert!(CHANNELS.iter().map(|constant| constant.1).eq(channels.map(|channel| channel as i32)));
        let levels = [log::OFF, log::ERROR, log::WARN, log::INFO, log::DEBUG];
        assert!(LOG_LEVELS.iter().map(|constant| constant.1).eq(levels));
    }
}
