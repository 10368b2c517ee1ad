//! The dependencies that a pyproject.toml names.

use super::draft::{Kind, cannot_read, check_exists, shown};
use crate::client::error::{Error, Result};
use std::path::Path;

/// `project.dependencies` and those of the optional groups named, in order. A group that is not there is passed over.
pub(super) fn dependencies(path: &Path, groups: &[String]) -> Result<Vec<String>> {
    check_exists(path, Kind::File)?;
    let text = std::fs::read_to_string(path).map_err(|error| cannot_read(path, &error))?;
    let invalid = |what: &str| Error::invalid(format!("{} {what}", shown(path)));
    let table: toml::Table =
        text.parse().map_err(|error: toml::de::Error| invalid(&format!("is no TOML: {error}")))?;
    let project = table.get("project").and_then(toml::Value::as_table);
    let listed = project.and_then(|project| project.get("dependencies")).and_then(toml::Value::as_array);
    let listed = listed.ok_or_else(|| invalid("has no array `dependencies` in `[project]`"))?;
    let mut all = texts(listed).ok_or_else(|| invalid("has a dependency that is no text"))?;
    let optional = project.and_then(|project| project.get("optional-dependencies"));
    let Some(optional) = optional.filter(|_| !groups.is_empty()) else { return Ok(all) };
    let optional =
        optional.as_table().ok_or_else(|| invalid("has `optional-dependencies` that are no table"))?;
    for group in groups.iter().filter_map(|group| optional.get(group)) {
        let group = group.as_array().and_then(|group| texts(group));
        all.extend(group.ok_or_else(|| invalid("has an optional dependency that is no text"))?);
    }
    Ok(all)
}

fn texts(values: &[toml::Value]) -> Option<Vec<String>> {
    values.iter().map(|value| value.as_str().map(str::to_owned)).collect()
}
