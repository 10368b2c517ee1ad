//! What `process.run` gives to a session's shell. The session API takes a command's text and
//! nothing else, so environment, working directory and input must travel inside that text; and the
//! command must not be able to end or change the session's own shell, or its exit code is never
//! reported. So the text starts another shell, which reads its preparations and the command as data
//! from two here-documents: the session's shell never parses what the user wrote, and no limit on
//! arguments applies.

use crate::client::error::{Error, Result};
use std::collections::BTreeMap;
use std::fmt::Write;

/// The exit code when the command could not be started: the shells' own.
pub(super) const CANNOT_START: i32 = 126;

/// What the inner shell does. `$c` and `$p` are gone before the command sees its variables, and the
/// command stands on line 1, so that its error messages count lines as its author does.
const INNER: &str =
    r#"p=$(cat <&3) && c=$(cat <&4) || exit 126; exec 3<&- 4<&-; eval "$p"; eval "unset p c;$c""#;

/// The text for the session's shell: POSIX, so that it means the same to bash, zsh and dash.
pub(super) fn wrap(
    command: &str,
    cwd: Option<&str>,
    env: Option<&BTreeMap<String, String>>,
    stdin: Option<&str>,
) -> Result<String> {
    if command.trim().is_empty() {
        return Err(Error::invalid("process.run: `command` is empty; give the command to run"));
    }
    refuse_nul("command", command)?;
    let preparations = preparations(cwd, env)?;

    let mut script =
        String::with_capacity(command.len() + preparations.len() + stdin.map_or(0, str::len) + 640);
    // The shell that process.execute would use: the one that runs the session.
    script.push_str("daytona_shell=${BASH:-${ZSH_VERSION:+zsh}}; daytona_shell=${daytona_shell:-sh}\n");
    let input = match stdin {
        None => "</dev/null",
        Some(text) => {
            // The file is open and has no name any more when the command starts, so nothing is left
            // of it whatever happens next.
            script.push_str("daytona_stdin=$(mktemp) && ");
            write_text(&mut script, text);
            let _ = writeln!(
                script,
                " >\"$daytona_stdin\" && exec 5<\"$daytona_stdin\" || {{ rm -f \"$daytona_stdin\"; \
                 echo 'process.run: the input could not be written to a temporary file' >&2; \
                 (exit {CANNOT_START}); }} && rm -f \"$daytona_stdin\" &&"
            );
            "<&5 5<&-"
        }
    };
    // The braces keep the session's shell quiet: of a child that a signal ended it would print the whole
    // text, variables and all, into the command's stderr.
    script.push_str("{ \"$daytona_shell\" -c '");
    script.push_str(INNER);
    let (first, second) = (delimiter(&preparations), delimiter(command));
    let _ = write!(
        script,
        "' \"$daytona_shell\" {input} 2>&6 6>&- 3<<'{first}' 4<<'{second}'\n\
         {preparations}{first}\n{command}\n{second}\n}} 6>&2 2>/dev/null\n"
    );
    Ok(script)
}

/// Exports and the change of directory, each line complete and quoted.
fn preparations(cwd: Option<&str>, env: Option<&BTreeMap<String, String>>) -> Result<String> {
    let mut text = String::new();
    for (name, value) in env.into_iter().flatten() {
        if !is_identifier(name) {
            return Err(Error::invalid(format!(
                "process.run: `env`: \"{name}\" is no name for a variable; use letters, digits and _, not a \
                 digit first"
            )));
        }
        refuse_nul("env", value)?;
        let _ = write!(text, "export {name}=");
        quote(&mut text, value);
        text.push('\n');
    }
    if let Some(directory) = cwd.filter(|directory| !directory.is_empty()) {
        refuse_nul("cwd", directory)?;
        text.push_str("cd -- ");
        // `./` keeps CDPATH out and takes `-` for a name.
        let relative = if directory.starts_with('/') { "" } else { "./" };
        quote(&mut text, &format!("{relative}{directory}"));
        let _ = writeln!(text, " || exit {CANNOT_START}");
    }
    Ok(text)
}

/// `printf` with a text that comes out byte for byte. A NUL, which no shell can hold, goes as an escape.
fn write_text(script: &mut String, text: &str) {
    if text.contains('\0') {
        script.push_str("printf %b ");
        quote(script, &text.replace('\\', "\\\\").replace('\0', "\\0000"));
    } else {
        script.push_str("printf %s ");
        quote(script, text);
    }
}

/// Appends `text` as one word of a POSIX shell.
pub(super) fn quote(script: &mut String, text: &str) {
    script.push('\'');
    let mut parts = text.split('\'');
    script.push_str(parts.next().unwrap_or_default());
    for part in parts {
        script.push_str("'\\''");
        script.push_str(part);
    }
    script.push('\'');
}

/// A line that does not occur in `text`.
fn delimiter(text: &str) -> String {
    loop {
        let candidate = format!("DAYTONA_{:016x}", fastrand::u64(..));
        if !text.contains(&candidate) {
            return candidate;
        }
    }
}

fn is_identifier(name: &str) -> bool {
    !name.starts_with(|first: char| first.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn refuse_nul(option: &str, text: &str) -> Result<()> {
    if text.contains('\0') {
        return Err(Error::invalid(format!(
            "process.run: `{option}` holds a NUL character, which no shell can take"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;
    use std::process::{Command, Output};

    const SHELLS: &[&str] = &["/bin/bash", "/bin/dash", "/bin/zsh", "/usr/bin/zsh"];

    /// Sources the script as the daemon does, in each shell of this machine, and says what the
    /// outer shell printed after it: its exit code, then `alive`.
    fn everywhere(
        command: &str,
        cwd: Option<&str>,
        env: &[(&str, &str)],
        stdin: Option<&str>,
        check: impl Fn(&str, Output),
    ) {
        let env = env.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        let script = wrap(command, cwd, Some(&env), stdin).unwrap();
        let directory = std::env::temp_dir().join(format!("daytona-script-{:016x}", fastrand::u64(..)));
        std::fs::create_dir(&directory).unwrap();
        let file = directory.join("cmd.sh");
        std::fs::write(&file, script).unwrap();
        let mut shells = 0;
        for shell in SHELLS.iter().filter(|shell| Path::new(shell).exists()) {
            shells += 1;
            let outer = format!("{{ . {}; }}; printf '\\nended %s alive\\n' $?", file.display());
            let output = Command::new(shell).arg("-c").arg(outer).env("TMPDIR", &directory).output().unwrap();
            check(shell, output);
            let left: Vec<_> =
                std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            assert_eq!(left, ["cmd.sh"], "{shell}");
        }
        assert!(shells > 0, "this machine has no shell to test with");
        std::fs::remove_dir_all(directory).unwrap();
    }

    fn prints(command: &str, env: &[(&str, &str)], stdin: Option<&str>, expected: &[u8], code: i32) {
        everywhere(command, None, env, stdin, |shell, output| {
            let ending = format!("\nended {code} alive\n");
            let (out, error) = (&output.stdout, String::from_utf8_lossy(&output.stderr));
            assert!(out.ends_with(ending.as_bytes()), "{shell}: {} {error}", String::from_utf8_lossy(out));
            assert!(
                out[..out.len() - ending.len()] == *expected,
                "{shell}: {:?}",
                String::from_utf8_lossy(out)
            );
        });
    }

    #[test]
    fn exit_exec_and_errexit_end_the_command_and_not_the_shell() {
        prints("echo one; exit 3; echo two", &[], None, b"one\n", 3);
        prints("exec printf replaced", &[], None, b"replaced", 0);
        prints("set -e; false; echo unreachable", &[], None, b"", 1);
        prints("kill -9 $$", &[], None, b"", 137);
        prints("trap 'echo bye' EXIT; exit 5", &[], None, b"bye\n", 5);
    }

    #[test]
    fn a_command_that_a_signal_ends_leaves_nothing_but_its_own_words_on_stderr() {
        for signal in ["KILL", "TERM", "SEGV"] {
            let command = format!("echo mine >&2; kill -{signal} $$; sleep 9");
            for stdin in [None, Some("input")] {
                everywhere(&command, None, &[("TOKEN", "hidden")], stdin, |shell, output| {
                    let error = String::from_utf8_lossy(&output.stderr);
                    // dash names the signal, in a word, when the braces are behind it.
                    let own = if shell.ends_with("dash") {
                        error.lines().next().unwrap_or_default()
                    } else {
                        error.trim_end()
                    };
                    assert_eq!(own, "mine", "{shell}: {signal}");
                    assert!(!error.contains("hidden") && !error.contains("DAYTONA"), "{shell}: {error}");
                });
            }
        }
    }

    #[test]
    fn a_syntax_error_stays_inside() {
        for command in ["if then", ")", "'", "\"", "}", "EOF", "<<", "$(", "`", "echo $((", ";;"] {
            everywhere(command, None, &[], None, |shell, output| {
                let out = String::from_utf8_lossy(&output.stdout);
                assert!(out.ends_with(" alive\n"), "{shell}: {command}: {out}");
            });
        }
    }

    #[test]
    fn every_character_reaches_the_command_as_it_is() {
        let mut text: String = (1..=0x2ff).filter_map(char::from_u32).collect();
        text.push_str("\u{1f600}\\'\"$(touch /tmp/injected)`id`\n\n!!~*?[a]{b,c}#\r\n\t");
        let expected = text.clone().into_bytes();
        prints("printf %s \"$TEXT\"", &[("TEXT", &text)], None, &expected, 0);
        prints("cat", &[], Some(&text), &expected, 0);
        // Inside the command itself, quoted as its author would.
        let quoted = format!("printf %s '{}'", text.replace('\'', "'\\''"));
        prints(&quoted, &[], None, &expected, 0);
    }

    #[test]
    fn a_command_of_many_megabytes_runs() {
        let text = "0123456789abcde\n".repeat(64 * 1024);
        prints(&format!(": '{text}'; echo done"), &[], None, b"done\n", 0);
        prints("wc -c", &[], Some(&text), b"1048576\n", 0);
    }

    #[test]
    fn input_may_hold_nul_and_need_not_end_in_a_newline() {
        prints("od -An -c | tr -d ' \\n'", &[], Some("a\0\\0\nb"), b"a\\0\\0\\nb".as_slice(), 0);
        prints("cat", &[], None, b"", 0);
    }

    #[test]
    fn the_directory_is_taken_literally() {
        let directory = std::env::temp_dir().join(format!("-a 'b' $HOME `id` {:x}", fastrand::u64(..)));
        std::fs::create_dir(&directory).unwrap();
        let name = directory.to_str().unwrap();
        everywhere("pwd", Some(name), &[("CDPATH", "/")], None, |shell, output| {
            let out = String::from_utf8_lossy(&output.stdout);
            assert_eq!(out, format!("{name}\n\nended 0 alive\n"), "{shell}");
        });
        std::fs::remove_dir(&directory).unwrap();
        everywhere("echo unreachable", Some(name), &[], None, |shell, output| {
            assert_eq!(String::from_utf8_lossy(&output.stdout), "\nended 126 alive\n", "{shell}");
            assert!(!output.stderr.is_empty(), "{shell}: says why");
        });
    }

    #[test]
    fn a_changed_path_does_not_keep_the_command_from_starting() {
        prints("echo $PATH", &[("PATH", "/nowhere")], None, b"/nowhere\n", 0);
    }

    #[test]
    fn errors_count_lines_as_the_author_does() {
        everywhere("true\nno-such-command-xyz", None, &[], None, |shell, output| {
            let error = String::from_utf8_lossy(&output.stderr);
            let line = if shell.ends_with("zsh") || shell.ends_with("dash") { "2:" } else { "line 2:" };
            assert!(error.contains(line), "{shell}: {error}");
        });
    }

    #[test]
    fn what_no_shell_can_take_is_refused() {
        let env = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
        assert!(wrap(" \n", None, None, None).is_err());
        assert!(wrap("a\0b", None, None, None).is_err());
        assert!(wrap("a", Some("\0"), None, None).is_err());
        assert!(wrap("a", None, Some(&env("A", "\0")), None).is_err());
        for name in ["", "1A", "A-B", "A=B", "A;id", "Ä"] {
            assert!(wrap("a", None, Some(&env(name, "")), None).is_err(), "{name}");
        }
    }
}
