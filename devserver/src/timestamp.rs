//! Times as the service writes them.

use std::time::Duration;
use time::OffsetDateTime;

/// Now, in UTC with milliseconds: `2026-01-02T03:04:05.678Z`.
pub fn now() -> String {
    write(OffsetDateTime::now_utc())
}

/// The time after this duration.
pub fn after(duration: Duration) -> String {
    write(OffsetDateTime::now_utc().saturating_add(duration.try_into().unwrap_or(time::Duration::MAX)))
}

fn write(time: OffsetDateTime) -> String {
    let format = time::macros::format_description!(
        "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z"
    );
    time.format(&format).unwrap_or_default()
}
