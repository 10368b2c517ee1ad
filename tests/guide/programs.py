"""One program a language of all its snippets, so that each compiler runs once. A program takes the number of a snippet."""
import json, os, re, shlex, shutil, subprocess, textwrap

RELEASE, TARGET = os.environ["RELEASE"], os.environ["TARGET"]
MARK = re.compile(r"^ *\t?(?:/\* The snippet\. \*/|// The snippet\.|# The snippet\.)\n", re.M)


def split(frame, opening=""):
    """What stands before `main`, and of its body what stands before and after the snippet."""
    head, body = frame.split(opening) if opening else ("", frame)
    before, after = MARK.split(body)
    return head, before, after


def indented(snippet):
    return textwrap.indent(snippet.body, "    ")


def make(command, **options):
    done = subprocess.run(command, capture_output=True, text=True, **options)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout[-8000:]}{done.stderr[-8000:]}")
    return done.stdout


def write(path, text):
    with open(path, "w") as file:
        file.write(text)
    return path


def c(frame, functions, snippets, scratch):
    head, before, after = split(frame, "int main(void)\n{\n")
    parts = [f"static int snippet{n}(void)\n{{\n{before}{indented(it)}{after}" for n, it in enumerate(snippets)]
    table = ", ".join(f"snippet{n}" for n in range(len(snippets)))
    main = f"int main(int argc, char **argv)\n{{\n    int (*all[])(void) = {{{table}}};\n    return argc == 2 ? all[atoi(argv[1])]() : 2;\n}}\n"
    source = write(f"{scratch}/guide.c", head + functions + "\n".join(parts) + main)
    warnings = os.environ["WARNINGS"].split()
    make(["cc", "-std=c11", *warnings, "-Iinclude", source, f"-L{RELEASE}", "-ldaytona", f"-Wl,-rpath,{RELEASE}", "-o", f"{scratch}/guide"])
    return lambda n: [f"{scratch}/guide", str(n)]


def cpp(frame, functions, snippets, scratch):
    head, before, after = split(frame, "int main()\n{\n")
    after = after.removesuffix("}\n") + "    return 0;\n}\n"
    parts = [f"static int snippet{n}()\n{{\n{before}{indented(it)}{after}" for n, it in enumerate(snippets)]
    table = ", ".join(f"snippet{n}" for n in range(len(snippets)))
    main = f"int main(int argc, char **argv)\n{{\n    int (*all[])() = {{{table}}};\n    return argc == 2 ? all[std::atoi(argv[1])]() : 2;\n}}\n"
    source = write(f"{scratch}/guide.cpp", head + "\n".join(parts) + main)
    compiler = shlex.split(os.environ.get("CXX", "c++")) + ["-std=c++17", *os.environ["WARNINGS"].split(), "-Iinclude", "-Ibindings/cpp"]
    make([*compiler, source, f"-L{RELEASE}", "-ldaytona", "-pthread", f"-Wl,-rpath,{RELEASE}", "-o", f"{scratch}/guide"])
    return lambda n: [f"{scratch}/guide", str(n)]


def csharp(frame, functions, snippets, scratch):
    _, before, after = split(frame)
    usings, before = re.match(r"((?:using [\w.]+;\n)*)\n?(.*)", before, re.S).groups()
    parts = [f"internal static async Task Snippet{n}()\n{{\n{before}{indented(it)}{after}}}\n" for n, it in enumerate(snippets)]
    table = ", ".join(f"Guide.Snippet{n}" for n in range(len(snippets)))
    main = f"Func<Task>[] all = [{table}];\nawait all[int.Parse(args[0])]();\n"
    write(f"{scratch}/Program.cs", usings + main + "internal static class Guide\n{\n" + "\n".join(parts) + "}\n")
    project = open("examples/csharp/quickstart/quickstart.csproj").read()
    project = project.replace("../../../bindings", os.path.abspath("bindings")).replace("<Nullable>", "<NoWarn>CS0162</NoWarn><Nullable>")
    write(f"{scratch}/guide.csproj", project)
    artifacts = f"{TARGET}/csharp"
    make(["dotnet", "build", f"{scratch}/guide.csproj", "--artifacts-path", artifacts, "--nologo", "-v", "quiet"])
    return lambda n: ["dotnet", f"{artifacts}/bin/guide/debug/guide.dll", str(n)]


def go(frame, functions, snippets, scratch):
    head, before, after = split(frame, "func main() {\n")
    parts = [f"func snippet{n}() {{\n{before}{indented(it)}{after}" for n, it in enumerate(snippets)]
    table = ", ".join(f"snippet{n}" for n in range(len(snippets)))
    main = f"func main() {{\n\tnumber, err := strconv.Atoi(os.Args[1])\n\tcheck(err)\n\t[]func(){{{table}}}[number]()\n}}\n"
    write(f"{scratch}/main.go", head + "\n".join(parts) + main)
    module = open("examples/go/quickstart/go.mod").read().replace("../../../bindings/go", os.path.abspath("bindings/go"))
    write(f"{scratch}/go.mod", module)
    shutil.copy("examples/go/quickstart/go.sum", scratch)
    make(["go", "build", "-buildvcs=false", "-o", "guide", "."], cwd=scratch, env={**os.environ, "CGO_ENABLED": "0"})
    return lambda n: [f"{scratch}/guide", str(n)]


def js(frame, functions, snippets, scratch):
    _, before, after = split(frame)
    package = "bindings/node"
    if not os.path.exists(f"{package}/node_modules/koffi"):
        make(["npm", "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], cwd=package)
    os.makedirs(f"{scratch}/node_modules", exist_ok=True)
    os.symlink(os.path.abspath(package), f"{scratch}/node_modules/libdaytona")
    for n, it in enumerate(snippets):
        write(f"{scratch}/snippet{n}.mjs", before + it.body + after)
    return lambda n: ["node", f"{scratch}/snippet{n}.mjs"]


def ruby(frame, functions, snippets, scratch):
    _, before, after = split(frame)
    for n, it in enumerate(snippets):
        write(f"{scratch}/snippet{n}.rb", before + it.body + after)
    return lambda n: ["ruby", "-Ibindings/ruby/lib", f"{scratch}/snippet{n}.rb"]


def rust(frame, functions, snippets, scratch):
    head, before, after = split(frame, "#[tokio::main]\nasync fn main() -> Result<()> {\n")
    parts = [f"async fn snippet{n}() -> Result<()> {{\n{before}{indented(it)}{after}" for n, it in enumerate(snippets)]
    arms = "".join(f'        "{n}" => snippet{n}().await,\n' for n in range(len(snippets)))
    main = f"#[tokio::main]\nasync fn main() -> Result<()> {{\n    match std::env::args().nth(1).unwrap().as_str() {{\n{arms}        other => panic!(\"{{other}}\"),\n    }}\n}}\n"
    source = write(f"{scratch}/guide.rs", "#![deny(warnings)]\n#![allow(unreachable_code)]\n" + head + "\n".join(parts) + main)
    # The crates as the examples are linked with them, which the tests have built.
    built = make(["cargo", "build", "--locked", "--quiet", "--package", "libdaytona", "--example", "quickstart", "--message-format", "json"])
    externs = {}
    for line in built.splitlines():
        message = json.loads(line)
        if message["reason"] == "compiler-artifact" and "lib" in "".join(message["target"]["kind"]):
            files = [name for name in message["filenames"] if name.endswith(".rlib")]
            externs.update({message["target"]["name"].replace("-", "_"): files[0]} if files else {})
    used = [option for name in ("daytona", "serde_json", "tokio") for option in ("--extern", f"{name}={externs[name]}")]
    make(["rustc", "--edition", "2024", source, *used, "-L", f"dependency={TARGET}/debug/deps", "-o", f"{scratch}/guide"])
    return lambda n: [f"{scratch}/guide", str(n)]
