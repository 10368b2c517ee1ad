// Runs the cases of tests/conformance through the typed methods: `conformance DIRECTORY [NAME...]`, under a server.
#include "matching.hpp"
#include "operations.hpp"
#include <algorithm>
#include <arpa/inet.h>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

/// The cases that C++ cannot express: name and reason.
const std::map<std::string, std::string> skipped = {};
constexpr std::chrono::seconds step_time(120);
const std::vector<std::pair<std::string, daytona::Channel>> channels = {{"none", daytona::Channel::none},
                                                                       {"stdout", daytona::Channel::standard_output},
                                                                       {"stderr", daytona::Channel::standard_error}};

std::string environment(const char *name) {
    const char *value = std::getenv(name);
    return value ? value : "";
}

/// The server's host and port.
std::string api_host() {
    const std::string url = environment("DAYTONA_API_URL"), host = url.substr(url.find("//") + 2);
    return host.substr(0, host.find('/'));
}

/// Sets the dev server's faults.
void set_faults(const Json &rules) {
    const std::string host = api_host(), body = rules.dump();
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(host.substr(host.find(':') + 1))));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
    const std::string request = "POST /faults HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer " +
                                environment("DAYTONA_API_KEY") + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    char answer[16] = {};
    const bool good = connect(socket, reinterpret_cast<const sockaddr *>(&address), sizeof address) == 0 &&
                      send(socket, request.data(), request.size(), 0) == static_cast<ssize_t>(request.size()) &&
                      recv(socket, answer, 12, MSG_WAITALL) == 12;
    ::close(socket);
    if (!good || answer[9] != '2')
        throw Failed("the faults could not be set: " + std::string(answer));
}

const Operation &operation(const std::string &name) {
    for (const Operation &it : operations)
        if (name == it.name)
            return it;
    throw Failed("there is no operation " + name);
}

/// The error JSON with the names of its class and of that above it.
Json described(const daytona::Error &error) {
    Json json = error.json();
    json["class"] = json["parent"] = nullptr;
    for (const Kind &kind : kinds)
        if (kind.is(error)) {
            json["class"] = kind.name;
            if (std::string(kind.parent) != "Error")
                json["parent"] = kind.parent;
        }
    if (json["class"] != (std::string(error.kind()) == "Error" ? Json() : Json(error.kind())))
        throw Failed("an error says that it is a " + std::string(error.kind()) + " and is a " + json["class"].dump());
    return json;
}

/// An open stream and what was read of it.
struct Reading {
    explicit Reading(Opened &&it) : opened(std::move(it)) {}

    /// Reads a chunk; false at the end, well or not.
    bool read() {
        try {
            const std::optional<daytona::Chunk> chunk = opened.stream().next();
            if (!chunk)
                return false;
            if (chunk->is_structured()) {
                structured.push_back(chunk->json());
                return true;
            }
            all += chunk->text();
            read_of[chunk->channel()] += chunk->text();
            return true;
        } catch (const daytona::Error &it) {
            error = described(it);
            return false;
        }
    }

    void until(const std::string &text) {
        std::size_t at;
        while ((at = all.find(text, found)) == std::string::npos)
            if (!read())
                throw Failed("the stream ended before \"" + text + "\": " + shown(Json(all)) + (error ? shown(*error) : ""));
        found = at + text.size();
    }

    void write(std::string_view data) {
        while (!data.empty() && !error) {
            const std::size_t count = opened.stream().write_some(data);
            data.remove_prefix(count);
            if (count == 0 && opened.stream().wait_for(std::chrono::milliseconds(10)))
                read();
        }
    }

    Opened opened;
    std::string all;
    std::size_t found = 0;
    std::map<daytona::Channel, std::string> read_of;
    Json structured = Json::array();
    std::optional<Json> error;
};

class Case {
  public:
    Case(const Json &it, const std::string &unique) : case_(it) {
        std::string directory = std::filesystem::temp_directory_path() / "conformance-XXXXXX";
        if (!mkdtemp(directory.data()))
            throw Failed("no temporary directory");
        variables_ = {{"unique", unique}, {"tmp", directory}, {"apiHost", api_host()}};
    }

    ~Case() {
        try {
            if (variables_.count("sandboxId")) // Whatever became of its handles.
                std::get<daytona::Client>(handle("client")).attach(variables_.at("sandboxId")).delete_();
        } catch (const std::exception &) { // The case deleted it, or closed its client.
        }
        std::filesystem::remove_all(variables_.at("tmp").get<std::string>());
    }

    void run() {
        const std::string on = case_.at("on");
        if (on == "echo") {
            keep("echo", daytona::Echo());
        } else {
            keep("client", daytona::Client());
        }
        if (on == "sandbox") {
            daytona::Sandbox sandbox = std::get<daytona::Client>(handle("client")).create(plain(filled(case_.value("create", Json::object()))));
            variables_["sandboxId"] = sandbox.id();
            variables_["sandboxName"] = sandbox.name();
            keep("sandbox", std::move(sandbox));
        }
        if (case_.contains("faults"))
            set_faults(filled(case_["faults"]));
        steps(case_.at("steps"));
    }

  private:
    void steps(const Json &list) {
        int number = 0;
        for (const Json &step : list) {
            number++;
            try {
                this->step(filled_lazily(step));
            } catch (const daytona::Error &error) {
                throw Failed("step " + std::to_string(number) + ": " + shown(described(error)));
            } catch (const std::exception &error) {
                throw Failed("step " + std::to_string(number) + ": " + error.what());
            }
        }
    }

    void step(const Json &step) {
        if (step.contains("call")) {
            known(step, {"call", "params", "with", "as", "save", "body", "meanwhile", "cancel", "expect"});
            call(step);
        } else if (step.contains("stream")) {
            known(step, {"stream", "params", "with", "as", "save", "do", "expect"});
            stream(step);
        } else {
            known(step, {"close"});
            std::visit([](auto &it) { it.close(); }, handle(step.at("close")));
        }
    }

    static void known(const Json &object, const std::vector<std::string> &keys) {
        for (const auto &it : object.items())
            if (std::find(keys.begin(), keys.end(), it.key()) == keys.end())
                throw Failed("unknown key " + it.key());
    }

    /// The way of a call that is not cancelled and has nothing beside it: waiting and submitting by turns.
    bool submits(const Json &step) {
        return step.contains("meanwhile") || step.value("cancel", false) || turn_++ % 2 == 0;
    }

    void call(const Json &step) {
        const std::string name = step["call"];
        const Json params = plain(step.value("params", Json::object()));
        const Json unfilled = step.value("expect", Json::object());
        std::optional<Answer> answer;
        std::optional<Json> error;
        try {
            answer = name == "client.open"  ? opened(daytona::Client(params))
                     : name == "echo.open" ? opened(daytona::Echo(params))
                                           : called(name, step, params);
        } catch (const daytona::Error &it) {
            error = described(it);
        }
        const Json expected = filled(unfilled);
        known(expected, {"result", "bytes", "error"});
        if (judged(expected, error, answer ? answer->json : Json()))
            return;
        if (answer->bytes && expected.contains("result"))
            answer->json = *answer->bytes; // A text.
        if (answer->handle)
            keep(step.value("as", "unnamed " + std::to_string(handles_.size())), std::move(*answer->handle));
        if (expected.contains("bytes"))
            match_bytes(expected["bytes"], answer->bytes.value_or(answer->json.dump()), name);
        else if (expected.contains("result"))
            match(expected["result"], &answer->json, "result");
        save(step, answer->json);
    }

    template <class T> static Answer opened(T target) {
        Answer answer;
        answer.handle = Handle(std::move(target));
        return answer;
    }

    /// The handle that a step acts on.
    Handle &target(const Json &step, const std::string &name) {
        return handle(step.contains("with") ? step["with"].get<std::string>() : operation(name).target);
    }

    bool is_dynamic() const { return case_.value("dynamic", false); }

    Answer called(const std::string &name, const Json &step, const Json &params) {
        Handle &target = this->target(step, name);
        if (is_dynamic())
            return Answer(std::visit([&](auto &handle) { return handle.call(name, params); }, target));
        const Operation &it = operation(name);
        const Taken taken(params, it.required, bytes_of(step.value("body", Json({{"text", ""}}))));
        if (!submits(step))
            return it.call(On(target), taken);
        Begun begun = it.submit(On(target), taken);
        steps(step.value("meanwhile", Json::array()));
        if (step.value("cancel", false))
            begun.cancel();
        return begun.get();
    }

    void stream(const Json &step) {
        const std::string name = step["stream"];
        const Json params = plain(step.value("params", Json::object()));
        std::optional<Reading> reading;
        std::optional<Json> error;
        bool is_closed = false;
        try {
            Handle &target = this->target(step, name);
            if (is_dynamic())
                reading.emplace(Opened(std::visit([&](auto &handle) { return handle.open_stream(name, params); }, target)));
            else
                reading.emplace(operation(name).open(On(target), Taken(params, operation(name).required, "")));
        } catch (const daytona::Error &refused) {
            error = described(refused);
        }
        if (reading) {
            for (const Json &action : step.value("do", Json::array()))
                is_closed |= act(*reading, filled_lazily(action));
            while (!is_closed && reading->read()) {
            }
            error = reading->error;
        }
        const Json expected = filled(step.value("expect", Json::object()));
        known(expected, {"opened", "none", "stdout", "stderr", "structured", "ended", "error"});
        if (reading)
            output(expected, *reading);
        if (is_closed)
            return;
        const Json ended = error ? Json() : reading->opened.stream().result();
        if (judged(expected, error, ended))
            return;
        if (std::optional<Handle> handle = reading->opened.handle())
            keep(step.value("as", "unnamed"), std::move(*handle));
        if (expected.contains("ended"))
            match(expected["ended"], &ended, "ended");
        save(step, ended);
    }

    /// Does one thing with an open stream; true where it was closed.
    bool act(Reading &reading, const Json &action) {
        if (action.contains("write"))
            reading.write(bytes_of(action["write"]));
        else if (action.contains("until"))
            reading.until(action["until"]);
        else if (action.contains("finish"))
            reading.opened.stream().finish();
        else if (action == Json({{"close", "stream"}})) {
            reading.opened.stream().close();
            return true;
        } else
            step(action);
        return false;
    }

    static void output(const Json &expected, Reading &reading) {
        if (expected.contains("opened"))
            match(expected["opened"], &reading.opened.stream().opened(), "opened");
        for (const auto &[name, channel] : channels)
            if (expected.contains(name))
                match_bytes(expected[name], reading.read_of[channel], name);
        if (expected.contains("structured"))
            match(expected["structured"], &reading.structured, "structured");
    }

    /// Compares the error with the expected one, where there is one of the two; true where it was expected.
    static bool judged(const Json &expected, const std::optional<Json> &error, const Json &came) {
        if (!error && !expected.contains("error"))
            return false;
        if (!error)
            throw Failed("expected the error " + shown(expected["error"]) + ", came " + shown(came));
        if (!expected.contains("error"))
            throw Failed("came the error " + shown(*error));
        match(expected["error"], &*error, "error");
        return true;
    }

    void save(const Json &step, const Json &from) {
        const Json saved = step.value("save", Json::object());
        for (const auto &[variable, pointer] : saved.items())
            variables_[variable] = from.at(Json::json_pointer(pointer.get<std::string>()));
    }

    Handle &handle(const std::string &name) {
        const auto found = handles_.find(name);
        if (found == handles_.end())
            throw Failed("there is no handle " + name);
        return found->second;
    }

    void keep(const std::string &name, Handle handle) { handles_.insert_or_assign(name, std::move(handle)); }

    /// The value with its variables.
    Json filled(const Json &value) const {
        if (value.is_array()) {
            Json list = Json::array();
            for (const Json &item : value)
                list.push_back(filled(item));
            return list;
        }
        if (value.is_object()) {
            Json object = Json::object();
            for (const auto &[key, item] : value.items())
                object[filled(key).get<std::string>()] = filled(item);
            return object;
        }
        if (!value.is_string())
            return value;
        const std::string &text = value.get_ref<const std::string &>();
        std::string done;
        std::size_t at = 0;
        for (std::size_t from; (from = text.find("${", at)) != std::string::npos;) {
            const std::size_t to = text.find('}', from);
            const Json &it = variables_.at(text.substr(from + 2, to - from - 2));
            if (from == 0 && to + 1 == text.size())
                return it;
            done += text.substr(at, from - at) + (it.is_string() ? it.get<std::string>() : it.dump());
            at = to + 1;
        }
        return done + text.substr(at);
    }

    /// The same but for the steps within, which come when others have saved their variables.
    Json filled_lazily(const Json &step) const {
        Json object = Json::object();
        for (const auto &[key, item] : step.items())
            object[key] = key == "do" || key == "meanwhile" || key == "expect" ? item : filled(item);
        return object;
    }

    const Json &case_;
    std::map<std::string, Json> variables_;
    std::map<std::string, Handle> handles_;
    static std::atomic<int> turn_;
};

std::atomic<int> Case::turn_{0};

/// Runs cases on several threads; a case whose steps do not end fails the whole run, by its name.
class Runner {
  public:
    void run(const std::vector<Json> &cases, std::size_t at_once) {
        std::atomic<std::size_t> next{0};
        std::vector<std::future<void>> threads;
        for (std::size_t thread = 0; thread < at_once; thread++)
            threads.push_back(std::async(std::launch::async, [&] {
                for (std::size_t i; (i = next++) < cases.size();)
                    one(cases[i]);
            }));
        for (auto &thread : threads)
            thread.get();
    }

    int passed = 0, failed = 0;

  private:
    void one(const Json &it) {
        const std::string name = it.at("name");
        auto running = std::async(std::launch::async, [&]() -> std::string {
            std::string problem;
            try {
                Case(it, "c" + std::to_string(getpid()) + "x" + std::to_string(unique_++)).run();
            } catch (const daytona::Error &error) {
                problem = shown(described(error));
            } catch (const std::exception &error) {
                problem = error.what();
            }
            if (it.contains("faults"))
                set_faults(Json::array());
            return problem.empty() ? "ok " + name : "FAILED " + name + ": " + problem;
        });
        const bool in_time = running.wait_for(step_time * it.at("steps").size()) == std::future_status::ready;
        const std::string result = in_time ? running.get() : "FAILED " + name + ": a step did not end";
        const std::lock_guard<std::mutex> lock(mutex_);
        std::cout << result << std::endl;
        (result.rfind("ok", 0) == 0 ? passed : failed)++;
        if (!in_time)
            std::_Exit(1);
    }

    std::mutex mutex_;
    std::atomic<int> unique_{0};
};

} // namespace

int main(int argc, char **argv) {
    std::vector<std::filesystem::path> files;
    for (const auto &file : std::filesystem::directory_iterator(argv[1]))
        if (file.path().extension() == ".json")
            files.push_back(file.path());
    std::sort(files.begin(), files.end());
    std::vector<Json> together, alone;
    std::map<std::string, std::string> unseen = skipped;
    int left_out = 0;
    for (const auto &file : files) {
        const Json parsed = Json::parse(std::ifstream(file));
        for (const Json &it : parsed.at("cases")) {
            const std::string name = it.at("name");
            if (argc > 2 && std::none_of(argv + 2, argv + argc, [&](const char *text) { return name.find(text) != std::string::npos; }))
                continue;
            unseen.erase(name);
            if (const auto reason = skipped.find(name); reason != skipped.end()) {
                std::cout << "skipped " << name << ": " << reason->second << std::endl;
                left_out++;
            } else {
                (it.contains("faults") ? alone : together).push_back(it);
            }
        }
    }
    Runner runner;
    runner.run(together, 4);
    runner.run(alone, 1);
    for (const auto &it : unseen)
        if (argc == 2) {
            std::cout << "FAILED " << it.first << ": no file has this case" << std::endl;
            runner.failed++;
        }
    std::cout << runner.passed << " passed, " << runner.failed << " failed, " << left_out << " skipped" << std::endl;
    return runner.failed != 0 || runner.passed == 0;
}
