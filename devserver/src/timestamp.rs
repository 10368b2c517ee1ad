//! Times as the service writes them.

/// Now, in UTC with milliseconds: `2026-01-02T03:04:05.678Z`.
pub fn now() -> String {
    let format = time::macros::format_description!(
        "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z"
    );
    time::OffsetDateTime::now_utc().format(&format).unwrap_or_default()
}
