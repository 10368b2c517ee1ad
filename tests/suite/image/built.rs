//! What an image object says is what a sandbox made from it has: the dev server builds its Dockerfile.

use crate::dev_server::{DevServer, ask};
use daytona_dev::Protocol;
use serde_json::{Value, json};

async fn made_from(dev: &DevServer, image: Value) -> daytona::client::sandbox::Sandbox {
    let made = dev.sandbox("sandbox.create", json!({"image": image, "timeoutMs": 0})).await;
    made.unwrap_or_else(|error| panic!("{image}: {error:?}")).0
}

#[tokio::test]
async fn values_and_files_arrive_as_they_were_given() {
    let Some(dev) = DevServer::isolated(Protocol::V0_205).await else { return };
    let directory = tempfile::tempdir().unwrap();
    let odd = "odd $HOME [a]*? 'x' \"y\" \\.txt";
    std::fs::create_dir_all(directory.path().join("tree/sub")).unwrap();
    std::fs::write(directory.path().join(odd), "odd").unwrap();
    std::fs::write(directory.path().join("tree/sub/file"), "deep").unwrap();
    let value = "it's $HOME \"x\" \\ `id` #no * é";
    let image = json!({"base": "python:3.12-slim", "steps": [
        {"env": {"VALUE": value, "EMPTY": "", "NEXT": "a=b c"}},
        {"label": {"a b": "c \"d\""}},
        {"workdir": "/srv/my $dir 'q'"},
        {"addLocalFile": {"localPath": directory.path().join(odd), "remotePath": "/srv/to $x 'y'/"}},
        {"addLocalDir": {"localPath": directory.path().join("tree"), "remotePath": "/srv/tree"}},
        {"run": "set -e\nfor i in 1 2; do\n  echo \"$i\" >> lines\ndone\ncat > document <<EOF\n$VALUE\nEOF"},
        {"run": ["/bin/sh", "-c", "printf '%s' \"$1\" > \"$2\"", "sh", "it's $1", "word"]},
    ]});
    let sandbox = made_from(&dev, image).await;
    let says = async |command: &str| {
        let answer = ask(&sandbox, "process.execute", json!({ "command": command })).await;
        assert_eq!(answer["exitCode"], 0, "{command}: {answer}");
        answer["result"].as_str().unwrap().trim_end_matches('\n').to_owned()
    };
    assert_eq!(says("printf '%s|%s|%s' \"$VALUE\" \"$EMPTY\" \"$NEXT\"").await, format!("{value}||a=b c"));
    assert_eq!(says("ls \"/srv/to \\$x 'y'\"").await, odd);
    assert_eq!(says("cat \"/srv/to \\$x 'y'\"/odd*").await, "odd");
    assert_eq!(says("cat /srv/tree/sub/file").await, "deep");
    assert_eq!(says("cat \"/srv/my \\$dir 'q'/lines\"").await, "1\n2");
    assert_eq!(says("cat \"/srv/my \\$dir 'q'/document\"").await, value);
    assert_eq!(says("cat \"/srv/my \\$dir 'q'/word\"").await, "it's $1");
}

#[tokio::test]
async fn a_dockerfile_with_its_directory_is_built_with_what_dockerignore_leaves() {
    let Some(dev) = DevServer::isolated(Protocol::V0_205).await else { return };
    let image = json!({
        "dockerfile": "FROM debian\nCOPY . /all/\nCOPY --chmod=600 src/*.go [\"with space.txt\"] /some/\n",
        "contextDir": "tests/suite/image/files/docker",
    });
    let image_of_json_form = json!({
        "dockerfile": "FROM debian\nARG D=src\nCOPY \\\n  # a comment\n  . /all/\nCOPY [\"with space.txt\", \"${D}/main.go\", \"/some/\"]\n",
        "contextDir": "tests/suite/image/files/docker",
        "steps": [{"addLocalFile": {"localPath": "tests/suite/image/files/requirements.txt", "remotePath": "/r/"}}],
    });
    let refused = dev.refused("sandbox.create", json!({ "image": image })).await;
    assert!(refused.to_string().contains("line 3"), "{refused}");
    let sandbox = made_from(&dev, image_of_json_form).await;
    let listed =
        ask(&sandbox, "process.execute", json!({"command": "cd / && find all some r -type f | sort"})).await;
    let expected = [
        "all/.dockerignore",
        "all/.local/requirements.txt",
        "all/conf/a.conf",
        "all/conf/b.conf",
        "all/package-lock.json",
        "all/package.json",
        "all/src/keep.log",
        "all/src/lib/lib.go",
        "all/src/main.go",
        "all/with space.txt",
        "r/requirements.txt",
        "some/main.go",
        "some/with space.txt",
    ];
    assert_eq!(listed["result"].as_str().unwrap().lines().collect::<Vec<_>>(), expected);
}
