//! What the contexts of an image object hold: the files that COPY and ADD take, and nothing outside of the directory.

use super::rendering::{contexts, dockerfile, is_missing_file};
use daytona::client::status;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

const FILES: &str = "tests/suite/image/files/docker";

async fn taken(directory: &str, dockerfile: &str) -> daytona::Result<Vec<String>> {
    let image = json!({"dockerfile": dockerfile, "contextDir": directory});
    let contexts = contexts(&image).await?;
    let contexts = contexts.as_array().unwrap();
    assert!(contexts.len() < 2, "{contexts:?}");
    let files = contexts.iter().flat_map(|context| context["files"].as_array().unwrap());
    Ok(files.map(|file| file["path"].as_str().unwrap().to_owned()).collect())
}

#[tokio::test]
async fn every_form_of_copy_and_add_is_understood() {
    for (dockerfile, expected) in [
        ("FROM a", vec![]),
        ("FROM a\nCOPY package.json /p", vec!["package.json"]),
        ("FROM a\nCOPY --link --chown=1:1 --chmod=644 package.json /p", vec!["package.json"]),
        (
            "FROM a\nADD [\"with space.txt\", \"package.json\", \"/p/\"]",
            vec!["package.json", "with space.txt"],
        ),
        (
            "FROM a\nCOPY \\\n # comment\n conf/a.conf \\\n conf/b.conf /p/",
            vec!["conf/a.conf", "conf/b.conf"],
        ),
        ("FROM a\nCOPY <<EOF conf/a.conf /p/\nCOPY package.json /no\nEOF", vec!["conf/a.conf"]),
        ("FROM a\nCOPY package*.json /p/", vec!["package-lock.json", "package.json"]),
        (
            "FROM a\nCOPY /conf/?.conf ./conf/../package.json /p/",
            vec!["conf/a.conf", "conf/b.conf", "package.json"],
        ),
        ("ARG D=conf\nFROM a\nARG D\nCOPY $D/a.conf /p/", vec!["conf/a.conf"]),
        ("# escape=`\nFROM a\nCOPY conf/a.conf `\n /p/", vec!["conf/a.conf"]),
        ("FROM a AS b\nCOPY --from=x /x /y\nADD https://h/x /y\nADD git@h:r.git /y", vec![]),
        ("FROM a\nRUN --mount=type=bind,source=conf,target=/c ls /c", vec!["conf/a.conf", "conf/b.conf"]),
        ("FROM a\nCOPY conf/a.conf conf /p/", vec!["conf/a.conf", "conf/b.conf"]),
    ] {
        assert_eq!(taken(FILES, dockerfile).await.unwrap(), expected, "{dockerfile}");
    }
}

#[tokio::test]
async fn what_dockerignore_leaves_out_is_not_taken() {
    assert_eq!(
        taken(FILES, "FROM a\nCOPY src /s").await.unwrap(),
        ["src/keep.log", "src/lib/lib.go", "src/main.go"]
    );
    let all = taken(FILES, "FROM a\nCOPY . /s").await.unwrap();
    assert!(
        all.contains(&".dockerignore".to_owned()) && all.contains(&"with space.txt".to_owned()),
        "{all:?}"
    );
    assert!(!all.iter().any(|path| path.contains("secret") || path.ends_with("run.log")), "{all:?}");
    let error = taken(FILES, "FROM a\nCOPY src/secret/key /s").await.unwrap_err();
    assert!(is_missing_file(&error) && error.to_string().contains("line 2"), "{error:?}");
    assert!(error.to_string().contains(".dockerignore"), "{error}");
}

#[tokio::test]
async fn a_source_that_is_missing_is_named_with_its_line() {
    for (dockerfile, line, name) in [
        ("FROM a\n\nCOPY none.txt /x", "line 3", "none.txt"),
        ("FROM a\nCOPY *.none /x", "line 2", "*.none"),
        ("FROM a\nADD package.json \\\n none /x", "line 2", "none"),
    ] {
        for style in [Value::Null, json!("python"), json!("typescript"), json!("ruby")] {
            let image = json!({"dockerfile": dockerfile, "contextDir": FILES, "style": style});
            let error = contexts(&image).await.unwrap_err();
            assert!(is_missing_file(&error), "{style}: {error:?}");
            assert!(error.to_string().contains(line) && error.to_string().contains(name), "{error}");
        }
    }
    let image = json!({"dockerfile": "FROM a\nCOPY x /x", "contextDir": "no/such/directory"});
    assert!(is_missing_file(&contexts(&image).await.unwrap_err()));
}

#[tokio::test]
async fn a_pattern_leaves_out_no_name_that_is_not_utf_8() {
    use std::os::unix::ffi::OsStrExt;
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &[u8]| {
        let path = directory.path().join(std::ffi::OsStr::from_bytes(name));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    };
    write(b"a.py");
    write(b"\xff.py");
    write(b"\xfe/b.py");
    let context = directory.path().to_str().unwrap();
    assert_eq!(taken(context, "FROM a\nCOPY *.py /x").await.unwrap(), ["a.py", "\u{fffd}.py"]);
    let all = ["a.py", "\u{fffd}/b.py", "\u{fffd}.py"];
    assert_eq!(taken(context, "FROM a\nCOPY **/*.py /x").await.unwrap(), all);
    // The official SDKs' names are texts.
    for style in [json!("python"), json!("typescript"), json!("ruby")] {
        let image = |source| json!({"dockerfile": format!("FROM a\nCOPY {source} /x"), "contextDir": directory.path(), "style": style});
        for (source, missing) in [("*.py", "\u{fffd}.py"), ("**/b.py", "\u{fffd}/b.py")] {
            let error = contexts(&image(source)).await.unwrap_err();
            assert!(is_missing_file(&error) && error.to_string().contains(missing), "{style}: {error:?}");
        }
        assert!(contexts(&image("a*")).await.is_ok());
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_directory_that_cannot_be_read_fails_a_pattern_unless_it_is_left_out() {
    let directory = tempfile::tempdir().unwrap();
    let (context, locked) = (directory.path().to_str().unwrap(), directory.path().join("locked"));
    fs::create_dir(&locked).unwrap();
    fs::write(directory.path().join("a.py"), "").unwrap();
    let set_mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    set_mode(directory.path(), 0o755);
    set_mode(&locked, 0);
    let taken = |source: &str| {
        let dockerfile = format!("FROM a\nCOPY a.py {source} /x");
        let unprivileged = || {
            // SAFETY: it is of this thread and those that it starts alone. Root may read everything.
            unsafe { libc::setfsuid(65_534) };
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(taken(context, &dockerfile))
        };
        std::thread::scope(|scope| scope.spawn(unprivileged).join().unwrap())
    };
    let sources = ["**/*.py", "*/*.py", "[a-z]*/a.py"];
    for source in sources {
        let error = taken(source).unwrap_err();
        assert_eq!(error.status(), status::IO, "{source}: {error}");
        assert!(error.to_string().contains("locked"), "{source}: {error}");
    }
    fs::write(directory.path().join(".dockerignore"), "locked").unwrap();
    assert_eq!(taken(sources[0]).unwrap(), ["a.py"]);
    assert!(is_missing_file(&taken(sources[1]).unwrap_err()));
}

/// A context directory beside files that are none of its business.
fn beside_secrets() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| fs::write(directory.path().join(path), text).unwrap();
    fs::create_dir_all(directory.path().join("context/sub/deep")).unwrap();
    fs::create_dir_all(directory.path().join("context-of-others")).unwrap();
    write("secret", "secret");
    write("context-of-others/secret", "secret");
    write("context/file", "file");
    write("context/sub/deep/file", "deep");
    directory
}

async fn refused(image: Value) -> String {
    let error = contexts(&image).await.expect_err(&image.to_string());
    assert_eq!(error.status(), status::INVALID_ARGUMENT, "{image}: {error:?}");
    error.to_string()
}

#[tokio::test]
async fn nothing_outside_of_the_context_is_reached() {
    let directory = beside_secrets();
    let context = directory.path().join("context");
    let link = |target: &Path, name: &str| symlink(target, context.join(name)).unwrap();
    link(Path::new("../secret"), "relative");
    link(&directory.path().join("secret"), "absolute");
    link(Path::new("../context-of-others"), "directory");
    link(Path::new("relative"), "twice");
    link(Path::new("../gone"), "dangling");
    let outside = directory.path().join("secret").to_str().unwrap().to_owned();
    let styles = [Value::Null, json!("python"), json!("typescript"), json!("ruby")];
    for style in &styles {
        for source in
            ["../secret", "sub/../../secret", "relative", "absolute", "directory/secret", "twice", "../*"]
        {
            let dockerfile = format!("FROM a\nCOPY {source} /x");
            let message =
                refused(json!({"dockerfile": dockerfile, "contextDir": context, "style": style})).await;
            assert!(
                message.contains("line 2") && message.contains("leads out"),
                "{style} {source}: {message}"
            );
        }
        let message =
            refused(json!({"dockerfile": "FROM a\nCOPY . /x", "contextDir": context, "style": style})).await;
        assert!(message.contains("the link"), "{message}");
        let add = json!({"addLocalDir": {"localPath": context, "remotePath": "/x"}});
        let message = refused(json!({"base": "a", "steps": [add], "style": style})).await;
        assert!(message.contains("the link"), "{message}");
    }
    for style in &styles[1..] {
        let dockerfile = format!("FROM a\nCOPY {outside} /x");
        let message = refused(json!({"dockerfile": dockerfile, "contextDir": context, "style": style})).await;
        assert!(message.contains("leads out"), "{message}");
    }
    // Docker takes an absolute source to begin at the context.
    let image = json!({"dockerfile": format!("FROM a\nCOPY {outside} /x"), "contextDir": context});
    assert!(is_missing_file(&contexts(&image).await.unwrap_err()));
}

#[tokio::test]
async fn a_link_within_the_context_is_what_it_leads_to() {
    let directory = beside_secrets();
    let context = directory.path().join("context");
    symlink("deep", context.join("sub/link")).unwrap();
    symlink("../file", context.join("sub/up")).unwrap();
    let context = context.to_str().unwrap();
    assert_eq!(
        taken(context, "FROM a\nCOPY sub /x").await.unwrap(),
        ["sub/deep/file", "sub/link/file", "sub/up"]
    );
    symlink("..", Path::new(context).join("sub/circle")).unwrap();
    let message = refused(json!({"dockerfile": "FROM a\nCOPY sub /x", "contextDir": context})).await;
    assert!(message.contains("a link in the context leads to the directory"), "{message}");
}

#[tokio::test]
async fn the_same_files_have_the_same_hash_wherever_they_are() {
    let [one, other] = [beside_secrets(), beside_secrets()];
    let mut hashes = Vec::new();
    for directory in [&one, &other] {
        let add = json!({"addLocalDir": {"localPath": directory.path().join("context"), "remotePath": "/x"}});
        let contexts = contexts(&json!({"base": "a", "steps": [add]})).await.unwrap();
        assert_eq!(contexts[0]["bytes"], 8);
        assert_eq!(contexts[0]["archivePath"], "context");
        hashes.push(contexts[0]["hash"].clone());
    }
    assert_eq!(hashes[0], hashes[1]);
    fs::write(other.path().join("context/file"), "elif").unwrap();
    let add = json!({"addLocalDir": {"localPath": other.path().join("context"), "remotePath": "/x"}});
    assert_ne!(contexts(&json!({"base": "a", "steps": [add]})).await.unwrap()[0]["hash"], hashes[0]);
}

#[tokio::test]
async fn files_of_several_directories_do_not_meet() {
    let [one, other] = [beside_secrets(), beside_secrets()];
    let directory = one.path().join("context");
    let add = json!({"addLocalDir": {"localPath": other.path().join("context/sub"), "remotePath": "/y"}});
    let image = json!({"dockerfile": "FROM a\nCOPY sub /x", "contextDir": directory, "steps": [add]});
    assert!(dockerfile(&image).await.unwrap().ends_with("COPY .local/sub /y\n"));
    let found = contexts(&image).await.unwrap();
    assert_eq!(found[0]["files"][0]["path"], "sub/deep/file");
    assert_eq!(found[1]["files"][0]["path"], ".local/sub/deep/file");
    let raw = |directory: &tempfile::TempDir| json!({"raw": {"commands": ["COPY file /x"], "contextDir": directory.path().join("context")}});
    let twice = json!({"base": "b", "steps": [raw(&one), raw(&one)]});
    assert_eq!(contexts(&twice).await.unwrap().as_array().unwrap().len(), 2);
    let message = refused(json!({"base": "b", "steps": [raw(&one), raw(&other)]})).await;
    assert!(message.contains("would both be \"file\""), "{message}");
}
