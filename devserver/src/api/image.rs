//! Images, without a container engine: their names, the steps that fail, and the command line.

use ring::digest::{SHA256, digest};
use serde_json::Value;

/// The name of a built image: equal for equal Dockerfiles and contexts.
pub fn image_name(info: &Value) -> String {
    let mut hashes: Vec<&str> =
        info["contextHashes"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    hashes.sort_unstable();
    let text = info["dockerfileContent"].as_str().unwrap_or_default();
    let sum = digest(&SHA256, format!("{text}{}", hashes.concat()).as_bytes());
    let hex: String = sum.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("daytona-{hex}:daytona")
}

/// The error of a step that fails: `FROM` with an invalid image reference, and `RUN false`.
pub fn step_error(line: &str) -> Option<String> {
    let mut words = line.split_whitespace();
    let instruction = words.next()?.to_ascii_uppercase();
    let mut words = words.skip_while(|word| word.starts_with("--"));
    match (instruction.as_str(), words.next()) {
        ("RUN", Some("false")) => Some("The command '/bin/sh -c false' returned a non-zero code: 1".into()),
        ("FROM", Some(image)) if !is_reference(image) => {
            Some(format!("failed to parse {image:?}: invalid reference format"))
        }
        ("FROM", None) => Some("FROM requires an image".into()),
        _ => None,
    }
}

/// `[HOST[:PORT]/]PATH[:TAG][@DIGEST]`, the path in lower case.
fn is_reference(image: &str) -> bool {
    let (image, digest) =
        image.split_once('@').map_or((image, None), |(image, digest)| (image, Some(digest)));
    let (image, tag) = match image.rsplit_once(':') {
        Some((image, tag)) if !tag.contains('/') => (image, Some(tag)),
        _ => (image, None),
    };
    let is_word = |word: &str| {
        !word.is_empty()
            && word.chars().all(|letter| letter.is_ascii_alphanumeric() || "._-".contains(letter))
    };
    let mut parts = image.split('/');
    let host = if image.contains('/') { parts.next() } else { None };
    let host_is_fine = host.is_none_or(|host| host.split(':').all(is_word));
    let path_is_fine = parts.all(|part| is_word(part) && part.to_ascii_lowercase() == part);
    let digest_is_fine = digest.is_none_or(|digest| digest.split(':').all(is_word));
    host_is_fine && path_is_fine && digest_is_fine && tag.is_none_or(is_word)
}

/// The command line of a container: ENTRYPOINT with CMD as its arguments, or CMD.
pub fn command_line(dockerfile: &str) -> Vec<String> {
    let mut words = instruction(dockerfile, "ENTRYPOINT");
    words.extend(instruction(dockerfile, "CMD"));
    words
}

/// The last such instruction, in its JSON form or as a line for the shell.
fn instruction(dockerfile: &str, name: &str) -> Vec<String> {
    let arguments = dockerfile.lines().rev().find_map(|line| {
        let (word, rest) = line.trim().split_once(char::is_whitespace)?;
        word.eq_ignore_ascii_case(name).then_some(rest.trim())
    });
    let Some(arguments) = arguments.filter(|arguments| !arguments.is_empty()) else { return Vec::new() };
    serde_json::from_str(arguments)
        .unwrap_or_else(|_| vec!["/bin/sh".to_owned(), "-c".to_owned(), arguments.to_owned()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_image_reference_fails_the_build() {
        for good in
            ["python:3.12", "debian", "ghcr.io/a/b_c:V1", "localhost:5000/x", "a/b@sha256:0f", "Host.io/x"]
        {
            assert_eq!(step_error(&format!("FROM --platform=linux/amd64 {good} AS x")), None, "{good}");
        }
        for bad in ["Python", "a/B", "a:", "a//b", "a/b!"] {
            assert!(step_error(&format!("FROM {bad}")).is_some(), "{bad}");
        }
        assert!(step_error("FROM").is_some() && step_error("run false").is_some());
        assert_eq!(step_error("RUN falsetto"), None);
    }

    #[test]
    fn the_last_instruction_counts_in_either_form() {
        let dockerfile = "FROM x\nENTRYPOINT a\nentrypoint [\"b\", \"c d\"]\nCMD echo $HOME\n";
        assert_eq!(command_line(dockerfile), ["b", "c d", "/bin/sh", "-c", "echo $HOME"]);
        assert!(command_line("FROM x\n").is_empty());
    }
}
