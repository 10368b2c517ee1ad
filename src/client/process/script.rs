//! The text that `process.run` gives to its session's shell. The session API takes a command's text and nothing
//! else, so environment, working directory and input travel inside that text; and the command must not end or
//! change the session's own shell, or its exit code is never reported. So the text starts a second shell, which
//! reads the exports and the command as data from two here-documents: the session's shell never parses what the
//! user wrote, and no limit on the length of arguments applies.

use crate::client::error::{Error, Result};
use std::collections::BTreeMap;
use std::fmt::Write;

/// The exit code when the command could not be started: the shells' own.
pub(super) const CANNOT_START: i32 = 126;

/// The program of the second shell: it runs the exports ($1) and then the command ($2). Positional parameters hold
/// them, because every variable's name may be one of the user's. Its stderr is opened last, so that it prints
/// nothing of its own where SHELLOPTS traces; and the command stands on line 1, so that its error messages count
/// lines as its author does.
const SECOND_SHELL: &str = r#"set -- "$(cat <&3)" "$(cat <&4)"; [ -n "$2" ] || exit 126; exec 3<&- 4<&-; eval "$1"; eval "shift 2;exec 2>&6 6>&-;$2""#;

/// Variables that shells set at their start, compute, or keep read-only: an `export` of them is lost, fails, or
/// changes how the shell itself works. They are in the second shell's environment from its start, by `env`, as
/// they are for `process.execute`. All others are exported, which puts their values into no argument list,
/// where other processes could read them.
#[rustfmt::skip]
const SHELL_VARIABLES: &[&str] = &[
    "_", "BASH", "BASHOPTS", "BASHPID", "BASH_ALIASES", "BASH_ARGC", "BASH_ARGV", "BASH_ARGV0", "BASH_CMDS",
    "BASH_COMMAND", "BASH_COMPAT", "BASH_ENV", "BASH_EXECUTION_STRING", "BASH_LINENO", "BASH_LOADABLES_PATH",
    "BASH_REMATCH", "BASH_SOURCE", "BASH_SUBSHELL", "BASH_VERSINFO", "BASH_VERSION", "BASH_XTRACEFD",
    "CHILD_MAX", "COLUMNS", "COMP_WORDBREAKS", "COPROC", "DIRSTACK", "EMACS", "ENV", "EPOCHREALTIME",
    "EPOCHSECONDS", "EUID", "EXECIGNORE", "FIGNORE", "FUNCNAME", "FUNCNEST", "GLOBIGNORE", "GROUPS", "HISTCMD",
    "HISTCONTROL", "HISTFILE", "HISTFILESIZE", "HISTIGNORE", "HISTSIZE", "HISTTIMEFORMAT", "HOSTNAME",
    "HOSTTYPE", "IFS", "IGNOREEOF", "LINENO", "LINES", "MACHTYPE", "MAILCHECK", "MAPFILE", "OLDPWD", "OPTARG",
    "OPTERR", "OPTIND", "OSTYPE", "PIPESTATUS", "POSIXLY_CORRECT", "PPID", "PROMPT_COMMAND", "PS0", "PS1", "PS2",
    "PS3", "PS4", "PWD", "RANDOM", "REPLY", "SECONDS", "SHELL", "SHELLOPTS", "SHLVL", "SRANDOM", "TIMEFORMAT",
    "TMOUT", "UID",
    // Of zsh.
    "EGID", "GID", "TTYIDLE", "USERNAME", "ZSH_ARGZERO", "ZSH_EVAL_CONTEXT", "ZSH_SUBSHELL", "ZSH_VERSION",
    "argv", "cdpath", "fignore", "fpath", "histchars", "mailpath", "manpath", "module_path", "path", "pipestatus",
    "prompt", "psvar", "signals", "status",
];

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
    let Environment { exports, start } = Environment::of(env)?;

    let mut script =
        String::with_capacity(command.len() + exports.len() + start.len() + stdin.map_or(0, str::len) + 768);
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
    // text, variables and all, into the command's stderr. The second shell is as deep as process.execute's.
    script.push_str("{ ([ -z \"$BASH\" ] || SHLVL=$((SHLVL-1)); ");
    if let Some(directory) = cwd.filter(|directory| !directory.is_empty()) {
        refuse_nul("cwd", directory)?;
        script.push_str("cd -- ");
        // `./` keeps CDPATH out and takes `-` for a name.
        let relative = if directory.starts_with('/') { "" } else { "./" };
        quote(&mut script, &format!("{relative}{directory}"));
        let _ = write!(script, " 2>&6 || exit {CANNOT_START}; unset OLDPWD; ");
    }
    let (first, second) = (delimiter(&exports), delimiter(command));
    let _ = write!(
        script,
        "exec {start}\"$daytona_shell\" -c '{SECOND_SHELL}' \"$daytona_shell\" {input} \
         3<<'{first}' 4<<'{second}'\n{exports}{first}\n{command}\n{second}\n); }} 6>&2 2>/dev/null\n"
    );
    Ok(script)
}

/// The environment variables, as shell text.
struct Environment {
    /// Complete lines that export the ordinary ones.
    exports: String,
    /// `env` with those of [`SHELL_VARIABLES`], to stand before the second shell; empty without any.
    start: String,
}

impl Environment {
    fn of(env: Option<&BTreeMap<String, String>>) -> Result<Self> {
        let (mut exports, mut start) = (String::new(), String::new());
        for (name, value) in env.into_iter().flatten() {
            if !is_identifier(name) {
                return Err(Error::invalid(format!(
                    "process.run: `env`: \"{name}\" is no name for a variable; use letters, digits and _, not a \
                     digit first"
                )));
            }
            refuse_nul("env", value)?;
            if SHELL_VARIABLES.contains(&name.as_str()) {
                start.push_str(if start.is_empty() { "env " } else { "" });
                quote(&mut start, &format!("{name}={value}"));
                start.push(' ');
            } else {
                let _ = write!(exports, "export {name}=");
                quote(&mut exports, value);
                exports.push('\n');
            }
        }
        Ok(Self { exports, start })
    }
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
pub(crate) fn quote(script: &mut String, text: &str) {
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
            let output = Command::new(shell)
                .arg("-c")
                .arg(outer)
                .env("TMPDIR", &directory)
                .env_remove("OLDPWD")
                .output()
                .unwrap();
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
    fn every_variable_of_a_shell_has_the_value_that_it_has_in_a_shell_started_with_it() {
        // Computed by bash whatever is in its environment.
        let computed = [
            "BASHPID",
            "PPID",
            "RANDOM",
            "SRANDOM",
            "EPOCHREALTIME",
            "EPOCHSECONDS",
            "SECONDS",
            "BASH_EXECUTION_STRING",
        ];
        let command = "env -0 | sort -z | tr '\\0' '\\n'";
        for name in SHELL_VARIABLES.iter().filter(|name| !computed.contains(name)) {
            let value = match *name {
                "SHELLOPTS" => "braceexpand:xtrace",
                "BASHOPTS" => "cmdhist:dotglob",
                _ => "7",
            };
            let directory = std::env::temp_dir();
            let direct = |shell: &str| {
                let mut direct = Command::new(shell);
                direct.arg("-c").arg(command).env_remove("OLDPWD").env(name, value).current_dir(&directory);
                direct.output().unwrap().stdout
            };
            everywhere(command, directory.to_str(), &[(name, value)], None, |shell, output| {
                if shell.ends_with("dash") {
                    return;
                }
                let of = |out: &[u8]| -> Vec<String> {
                    let text = String::from_utf8_lossy(out).into_owned();
                    let lines = text.lines().filter(|line| line.contains('='));
                    lines.filter(|line| !line.starts_with("TMPDIR=")).map(str::to_owned).collect()
                };
                let (found, expected) = (of(&output.stdout), of(&direct(shell)));
                let more: Vec<_> = found.iter().filter(|line| !expected.contains(line)).collect();
                let less: Vec<_> = expected.iter().filter(|line| !found.contains(line)).collect();
                assert!(more.is_empty() && less.is_empty(), "{shell}: {name}: {more:?} instead of {less:?}");
                let error = String::from_utf8_lossy(&output.stderr);
                assert!(!error.contains("SHELLOPTS") && !error.contains("cat"), "{shell}: {name}: {error}");
            });
        }
    }

    #[test]
    fn a_variable_may_have_any_name() {
        for name in ["c", "p", "daytona_shell", "daytona_stdin", "first", "PATH_", "x1"] {
            prints(&format!("printenv {name}"), &[(name, "exit 9")], None, b"exit 9\n", 0);
        }
        for name in ["UID", "EUID", "PPID", "SHELLOPTS", "BASHOPTS"] {
            // Read-only: the command runs, and what bash itself makes of the name is not an error.
            prints("echo ran", &[(name, "")], None, b"ran\n", 0);
        }
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
