// Every call of the Go SDK's guide, in C++, against a server.
#include "check.hpp"
#include <filesystem>
#include <fstream>
#include <unistd.h>

namespace {

using daytona::Json;
using daytona::Sandbox;

daytona::Client &client() {
    static daytona::Client it; // Of static storage: its end is the program's.
    return it;
}

/// A name that no other run has.
std::string unique(const std::string &name) { return name + "-" + std::to_string(getpid()); }

/// A sandbox that is deleted at the end.
class Box {
  public:
    explicit Box(const Json &options = Json()) : sandbox(client().create(options)) {}
    ~Box() {
        try {
            sandbox.delete_();
        } catch (const daytona::Error &) { // The test deleted it.
        }
    }
    Sandbox *operator->() { return &sandbox; }

    Sandbox sandbox;
};

class Directory {
  public:
    Directory() {
        std::string name = std::filesystem::temp_directory_path() / "guide-XXXXXX";
        CHECK(mkdtemp(name.data()) != nullptr);
        path = name;
    }
    ~Directory() { std::filesystem::remove_all(path); }
    std::string write(const std::string &name, const std::string &text) const {
        std::ofstream(path / name, std::ios::binary) << text;
        return path / name;
    }
    std::string read(const std::string &name) const {
        std::ifstream file(path / name, std::ios::binary);
        return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    }

    std::filesystem::path path;
};

std::string out(Box &box, const std::string &command) { return box->process().execute(command).at("result"); }

void a_client_takes_its_configuration() {
    THROWS(daytona::Configuration, daytona::Client({{"apiKey", ""}, {"jwtToken", "x"}, {"organizationId", ""}}));
    THROWS(daytona::InvalidArgument, daytona::Client({{"unknown", 1}}));
    const Json config = {{"apiKey", std::getenv("DAYTONA_API_KEY")}, {"apiUrl", std::getenv("DAYTONA_API_URL")}, {"retries", 0}};
    daytona::Client second(config);
    CHECK(second.config().contains("version"));
    daytona::Client wrong({{"apiKey", "wrong"}, {"retries", 0}});
    THROWS(daytona::Authentication, wrong.list());
    SAME(std::string(daytona::version()), daytona_version());
}

void a_sandbox_lives() {
    Box box({{"name", unique("life")}, {"labels", {{"env", "dev"}}}, {"env", {{"STAGE", "test"}}}});
    SAME(box->json().at("state"), "started");
    SAME(out(box, "echo $STAGE"), "test\n");
    SAME(box->stop().at("state"), "stopped");
    SAME(box->wait_for_stop().at("state"), "stopped");
    SAME(box->start({{"timeoutMs", 120000}}).at("state"), "started");
    SAME(box->wait_for_start({{"timeoutMs", 120000}}).at("state"), "started");
    SAME(box->set_labels({{"env", "prod"}, {"team", unique("team")}}).at("labels").at("env"), "prod");
    SAME(box->set_auto_archive(60).at("autoArchiveInterval"), 60);
    SAME(box->set_auto_delete(-1).at("autoDeleteInterval"), -1);
    SAME(box->refresh().at("id"), box->id());
    SAME(box->info().at("autoArchiveInterval"), 60);
    SAME(client().get(box->name()).id(), box->id());
    SAME(client().find({{"labels", {{"team", unique("team")}}}}).id(), box->id());
    THROWS(daytona::NoMatch, client().find({{"name", unique("nobody")}}));
    const Json items = client().list({{"labels", {{"team", unique("team")}}}, {"page", 1}, {"limit", 10}}).at("items");
    SAME(items.size(), 1u);
    SAME(client().attach(items[0]).id(), box->id());
    SAME(client().attach(box->id()).home_dir().at("dir"), box->home_dir().at("dir"));
    CHECK(box->work_dir().contains("dir"));
    CHECK(box->preview_link(3000).at("url").get<std::string>().find("3000") != std::string::npos);
    box->stop();
    box->archive();
    SAME(box->wait({daytona::sandbox_state::archived}).at("state"), "archived");
    box->start();
    box->delete_({{"wait", true}});
    THROWS(daytona::NotFound, client().get(box->id()));
}

void a_sandbox_of_an_image_is_resized() {
    Box box({{"image", "python:3.12-slim"}, {"resources", {{"cpu", 1}, {"memory", 1}, {"disk", 3}}}});
    SAME(box->resize({{"cpu", 2}, {"memory", 2}}).at("cpu"), 2);
    SAME(box->wait_for_resize().at("memory"), 2);
}

void a_sandbox_is_made_with_its_log() {
    auto stream = client().create_stream({{"name", unique("stream")}});
    for (const auto &chunk : stream)
        CHECK(chunk.is_stdout());
    Sandbox sandbox = stream.sandbox();
    SAME(sandbox.name(), unique("stream"));
    sandbox.delete_();
    auto later = client().create_async({{"name", unique("later")}});
    Sandbox other = later.get();
    other.delete_();
}

void a_sandbox_that_nobody_took_is_released() {
    const auto slot = [] { return client().attach({{"id", "any"}}).native_handle() >> 26; };
    const std::uint64_t before = slot();
    {
        auto stream = client().create_stream({{"name", unique("untaken")}, {"image", "python:3.12"}});
        std::this_thread::sleep_for(std::chrono::seconds(1)); // So that the end is there with the first chunk.
        CHECK(stream.next()->is_stdout());
    }
    SAME(slot(), before);
    client().get(unique("untaken")).delete_();
}

void commands_run() {
    Box box;
    SAME(box->process().execute("exit 3").at("exitCode"), 3);
    SAME(box->process().execute("echo $A; pwd", {{"cwd", "/tmp"}, {"env", {{"A", "1"}}}, {"timeout", 10}}).at("result"), "1\n/tmp\n");
    THROWS(daytona::ProcessExecutionTimeout, box->process().execute("sleep 600", {{"timeout", 1}}));
    SAME(box->process().code_run("print(6 * 7)").at("result"), "42\n");
    auto run = box->process().run("echo one; echo two >&2; exit 4");
    std::string stdout_text, stderr_text;
    for (const auto &chunk : run)
        (chunk.is_stderr() ? stderr_text : stdout_text) += chunk.text();
    SAME(stdout_text, "one\n");
    SAME(stderr_text, "two\n");
    SAME(run.result().at("exitCode"), 4);
    SAME(box->process().run_result("cat", {{"stdin", "in"}}).at("stdout"), "in\n");
}

void a_running_command_is_cancelled() {
    Box box;
    auto run = box->process().run_result_async("sleep 600");
    run.cancel();
    THROWS(daytona::Cancelled, run.get());
    auto execute = box->process().execute_async("sleep 600"); // Runs on in the sandbox.
    execute.cancel();
    THROWS(daytona::Cancelled, execute.get());
}

void a_session_keeps_its_state() {
    Box box;
    const auto session = box->session();
    session.create("s");
    session.execute("s", "cd /tmp");
    SAME(session.execute("s", "pwd").at("stdout"), "/tmp\n");
    const std::string id = session.execute("s", "echo out; echo err >&2", {{"runAsync", true}}).at("cmdId");
    std::string text;
    auto follow = session.follow("s", id);
    for (const auto &chunk : follow)
        text += (chunk.is_stderr() ? "2" : "1") + chunk.text();
    CHECK(text.find("1out\n") != std::string::npos && text.find("2err\n") != std::string::npos);
    SAME(follow.result().at("exitCode"), 0);
    SAME(session.command("s", id).at("exitCode"), 0);
    SAME(session.logs("s", id).at("stdout"), "out\n");
    SAME(session.list().size(), 1u);
    SAME(session.get("s").at("sessionId"), "s");
    session.delete_("s");
    THROWS(daytona::NotFound, session.get("s"));
}

void a_terminal_is_typed_into() {
    Box box;
    auto terminal = box->pty().open("main", {{"cols", 80}, {"rows", 24}, {"env", {{"TERM", "dumb"}}}});
    terminal.write("echo $((6 * 7))\n");
    std::string screen;
    while (screen.find("42") == std::string::npos)
        screen += terminal.next().value().text();
    box->pty().resize("main", 120, 40);
    SAME(box->pty().info("main").at("cols"), 120);
    auto second = box->pty().connect("main");
    terminal.write("exit 5\n");
    SAME(terminal.result().at("exitCode"), 5);
    SAME(second.result().at("exitCode"), 5);
    box->pty().create("other");
    box->pty().kill("other");
}

void files_move() {
    const Directory directory;
    Box box;
    const auto files = box->files();
    files.mkdir("/tmp/guide", {{"mode", "0755"}});
    const std::string bytes("a\0\xff\n", 4);
    files.write("/tmp/guide/bytes", bytes);
    CHECK(files.read("/tmp/guide/bytes") == bytes);
    SAME(files.info("/tmp/guide/bytes").at("size"), 4);
    std::vector<std::uint64_t> reports;
    files.upload(directory.write("local.txt", "TODO: content\n"), "/tmp/guide/up.txt", {},
                 [&](const daytona::Progress &progress) { reports.push_back(progress.bytes); });
    CHECK(!reports.empty() && reports.back() <= 14);
    files.download("/tmp/guide/up.txt", (directory.path / "down.txt").string());
    SAME(directory.read("down.txt"), "TODO: content\n");
    SAME(files.list("/tmp/guide").size(), 2u);
    files.move("/tmp/guide/up.txt", "/tmp/guide/moved.txt");
    files.set_permissions("/tmp/guide/moved.txt", {{"mode", "0600"}});
    SAME(files.search("/tmp/guide", "*.txt").at("files").size(), 1u);
    SAME(files.find("/tmp/guide", "TODO:").at(0).at("line"), 1);
    files.replace({"/tmp/guide/moved.txt"}, "TODO", "DONE");
    SAME(files.read("/tmp/guide/moved.txt"), "DONE: content\n");
    auto writer = files.writer("/tmp/guide/streamed");
    writer.write("one ");
    writer.write("two");
    writer.finish();
    writer.result();
    std::string read;
    for (const auto &chunk : files.reader("/tmp/guide/streamed"))
        read += chunk.text();
    SAME(read, "one two");
    files.delete_("/tmp/guide", {{"recursive", true}});
    const auto error = THROWS(daytona::FileNotFound, files.read("/tmp/guide/bytes"));
    SAME(error.code(), "FILE_NOT_FOUND");
    SAME(error.status(), 404);
}

void an_exception_from_a_report_of_progress_cancels_the_transfer() {
    const Directory directory;
    Box box;
    const std::string path = directory.write("large", std::string(8 << 20, 'x'));
    try {
        box->files().upload(path, "/tmp/large", {}, [](const daytona::Progress &) { throw std::out_of_range("enough"); });
        throw check::Failed("nothing was thrown");
    } catch (const std::out_of_range &error) {
        SAME(std::string(error.what()), "enough");
    }
    SAME(box->files().upload(path, "/tmp/large", {}, nullptr).at("bytes"), 8 << 20); // Nobody wants reports.
}

void git_works() {
    Box box;
    const auto git = box->git();
    out(box, "git init -q -b main /tmp/origin && cd /tmp/origin && git config user.email a@b && git config user.name a && echo 1 > one && git add . && git commit -qm first && git clone -q --bare /tmp/origin /tmp/bare.git");
    git.clone("/tmp/bare.git", "/tmp/work", {{"branch", "main"}});
    git.create_branch("/tmp/work", "topic");
    git.checkout("/tmp/work", "topic");
    box->files().write("/tmp/work/two.txt", "2");
    git.add("/tmp/work", {"."});
    CHECK(!git.commit("/tmp/work", "Second", "John Doe", "john@example.com", {{"allowEmpty", true}}).at("hash").get<std::string>().empty());
    SAME(git.status("/tmp/work").at("currentBranch"), "topic");
    SAME(git.branches("/tmp/work").at("branches").size(), 2u);
    git.push("/tmp/work", {{"setUpstream", true}});
    git.checkout("/tmp/work", "main");
    git.pull("/tmp/work");
    git.delete_branch("/tmp/work", "topic", {{"force", true}});
    THROWS(daytona::GitRepoNotFound, git.status("/tmp"));
}

void code_is_interpreted() {
    Box box;
    const auto interpreter = box->interpreter();
    SAME(interpreter.run_result("print('Hello, World!')").at("stdout"), "Hello, World!\n");
    auto run = interpreter.run("import sys\nprint('out')\nprint('err', file=sys.stderr)\n1/0", {{"timeout", 30}});
    std::string output, name;
    for (const auto &chunk : run)
        if (chunk.is_structured())
            name = chunk.json().at("name");
        else
            output += chunk.text();
    SAME(name, "ZeroDivisionError");
    CHECK(output.find("out\n") != std::string::npos && output.find("err\n") != std::string::npos);
    const std::string context = interpreter.create_context().at("id");
    interpreter.run_result("x = 42", {{"contextId", context}});
    SAME(interpreter.run_result("print(x)", {{"contextId", context}, {"env", {{"A", "1"}}}}).at("stdout"), "42\n");
    CHECK(!interpreter.list_contexts().at("contexts").empty());
    interpreter.delete_context(context);
}

void a_desktop_is_used() {
    const Directory directory;
    Box box;
    const auto computer = box->computer();
    computer.start();
    SAME(computer.status().at("status"), "active");
    CHECK(computer.screenshot({{"showCursor", true}}).contains("screenshot"));
    CHECK(computer.screenshot({{"region", {{"x", 50}, {"y", 50}, {"width", 200}, {"height", 100}}}}).contains("screenshot"));
    SAME(computer.screenshot_image().substr(1, 3), "PNG");
    computer.mouse_move(500, 300);
    SAME(computer.mouse_position().at("x"), 500);
    computer.mouse_click(100, 200);
    computer.mouse_click(100, 200, {{"button", daytona::mouse_button::right}});
    computer.mouse_click(100, 200, {{"double", true}});
    computer.mouse_drag(100, 100, 300, 300);
    computer.mouse_scroll(500, 400, daytona::scroll_direction::down);
    computer.key_type("Hello", {{"delay", 1}});
    computer.key_press("s", {{"modifiers", {"ctrl", "shift"}}});
    computer.key_hotkey("ctrl+c");
    const std::string recording = computer.recording_start({{"label", "guide"}}).at("id");
    computer.recording_stop(recording);
    SAME(computer.recording_list().at("recordings").size(), 1u);
    SAME(computer.recording_get(recording).at("id"), recording);
    computer.recording_download(recording, (directory.path / "recording.mp4").string());
    CHECK(!directory.read("recording.mp4").empty());
    computer.recording_delete(recording);
    CHECK(!computer.display_info().at("displays").empty());
    CHECK(computer.windows().contains("windows"));
    computer.stop();
}

void a_language_server_answers() {
    Box box;
    box->files().mkdir("/tmp/project");
    box->files().write("/tmp/project/main.py", "class Greeter:\n    def greet(self):\n        pass\n\nGreeter().\n");
    const auto lsp = box->lsp();
    const char *python = daytona::lsp_language::python;
    lsp.start(python, "/tmp/project");
    lsp.did_open(python, "/tmp/project", "/tmp/project/main.py");
    CHECK(lsp.completions(python, "/tmp/project", "/tmp/project/main.py", 4, 10).dump().find("greet") != std::string::npos);
    CHECK(lsp.document_symbols(python, "/tmp/project", "/tmp/project/main.py").dump().find("Greeter") != std::string::npos);
    lsp.did_close(python, "/tmp/project", "/tmp/project/main.py");
    lsp.stop(python, "/tmp/project");
}

void images_are_described_and_become_snapshots() {
    const auto image = daytona::Image::base("python:3.11-slim").apt_get({"git", "curl"}).pip_install({"numpy"}, {{"extraOptions", "--no-cache-dir"}})
                           .workdir("/app").env("PYTHONUNBUFFERED", "1").run("pip list").expose({8080}).label("version", "1").user("app")
                           .volume({"/data"}).entrypoint({"python", "-m", "app"}).cmd({"--help"});
    const std::string text = client().image().dockerfile(image);
    CHECK(text.rfind("FROM python:3.11-slim\n", 0) == 0);
    CHECK(client().image().dockerfile(daytona::Image::debian_slim("3.10")).rfind("FROM python:3.10-slim", 0) == 0);
    CHECK(client().image().dockerfile(daytona::Image::from_dockerfile("FROM a\n")).rfind("FROM a", 0) == 0);

    auto snapshot = client().snapshot().create_stream(unique("snapshot"), "python:3.11-slim", {{"resources", {{"cpu", 1}, {"memory", 1}, {"disk", 3}}}});
    for (const auto &chunk : snapshot)
        CHECK(chunk.is_stdout());
    SAME(snapshot.result().at("name"), unique("snapshot"));
    const std::string built = unique("built");
    client().snapshot().create(built, daytona::Image::base("python:3.11-slim").run("echo built > /built"));
    SAME(client().snapshot().get(built).at("state"), "active");
    CHECK(client().snapshot().list({{"page", 1}, {"limit", 50}}).at("items").size() >= 2);
    {
        const Json options = {{"snapshot", built}};
        Box box(options);
        SAME(out(box, "cat /built"), "built\n");
    }
    client().snapshot().delete_(built);
    client().snapshot().delete_(unique("snapshot"));
}

void volumes_are_made() {
    const std::string name = unique("volume");
    client().volume().create(name);
    SAME(client().volume().wait(name).at("state"), daytona::volume_state::ready);
    SAME(client().volume().get(name).at("name"), name);
    CHECK(!client().volume().list().empty());
    client().volume().delete_(name);
}

} // namespace

int main(int argc, char **argv) {
#define TEST(name) {#name, name}
    const check::Test tests[] = {
        TEST(a_client_takes_its_configuration),
        TEST(a_sandbox_lives),
        TEST(a_sandbox_of_an_image_is_resized),
        TEST(a_sandbox_is_made_with_its_log),
        TEST(a_sandbox_that_nobody_took_is_released),
        TEST(commands_run),
        TEST(a_running_command_is_cancelled),
        TEST(a_session_keeps_its_state),
        TEST(a_terminal_is_typed_into),
        TEST(files_move),
        TEST(an_exception_from_a_report_of_progress_cancels_the_transfer),
        TEST(git_works),
        TEST(code_is_interpreted),
        TEST(a_desktop_is_used),
        TEST(a_language_server_answers),
        TEST(images_are_described_and_become_snapshots),
        TEST(volumes_are_made),
    };
    return check::all(tests, argc, argv);
}
