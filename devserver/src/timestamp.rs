//! Times as the service writes them.

use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Now, in UTC with milliseconds: `2026-01-02T03:04:05.678Z`.
pub fn now() -> String {
    write(OffsetDateTime::now_utc())
}

/// The time after this duration.
pub fn after(duration: Duration) -> String {
    write(OffsetDateTime::now_utc().saturating_add(duration.try_into().unwrap_or(time::Duration::MAX)))
}

/// A time in ISO 8601. Without an offset it is UTC, and a date alone begins at midnight, as for the service.
pub fn parse(text: &str) -> Option<OffsetDateTime> {
    let forms = [text.to_owned(), format!("{text}Z"), format!("{text}T00:00:00Z")];
    forms.iter().find_map(|form| OffsetDateTime::parse(form, &Rfc3339).ok())
}

fn write(time: OffsetDateTime) -> String {
    let format = time::macros::format_description!(
        "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z"
    );
    time.format(&format).unwrap_or_default()
}
