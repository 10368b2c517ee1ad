// The measures in C++: `bench-cpp PORT MEASURE [ARGUMENT...]`.
#include <daytona.hpp>
#include <deque>
#include <sys/stat.h>

#include "measure.h"

namespace {

using daytona::Json;

/// Calls in flight as futures, the oldest awaited first; some beforehand.
template <class Start> void in_flight(std::size_t width, int calls, int warm, Start start) {
    const auto run = [&](int count) {
        std::deque<decltype(start())> pending;
        for (int submitted = 0; submitted < count || !pending.empty();) {
            for (; submitted < count && pending.size() < width; submitted++)
                pending.push_back(start());
            pending.front().get();
            pending.pop_front();
        }
    };
    run(warm);
    const measure from = begin();
    run(calls);
    report(from, calls);
}

template <class Call> void one_at_a_time(int calls, int warm, Call call) {
    for (int i = 0; i < warm; i++)
        call();
    const measure from = begin();
    for (int i = 0; i < calls; i++)
        call();
    report(from, calls);
}

double mib(const std::string &file) {
    struct stat info;
    require(stat(file.c_str(), &info) == 0, file.c_str());
    return static_cast<double>(info.st_size / MIB);
}

void echo(const daytona::Sandbox &sandbox) {
    constexpr std::size_t trips = 3000;
    std::vector<double> times;
    auto terminal = sandbox.pty().open("echo");
    measure from{};
    for (std::size_t i = 0; i < 2 * trips; i++) {
        if (i == trips)
            from = begin();
        const double at = wall_us();
        terminal.write("x");
        require(terminal.next().has_value(), "the terminal ended");
        if (i >= trips)
            times.push_back(wall_us() - at);
    }
    std::sort(times.begin(), times.end());
    report_trips(from, static_cast<double>(trips), times[trips / 2]);
}

void follow(const daytona::Sandbox &sandbox, int size) {
    const measure from = begin();
    std::size_t bytes = 0;
    auto log = sandbox.session().follow("s", "log-" + std::to_string(size));
    for (const auto &chunk : log)
        bytes += chunk.text().size();
    require(bytes > static_cast<std::size_t>(size) * MIB / 10 * 9, "bytes are missing");
    report(from, size);
}

void list(const daytona::Client &client) {
    const measure from = begin();
    std::size_t count = 0;
    for (Json options = {{"limit", 200}};;) {
        const Json page = client.list(options);
        count += page.at("items").size();
        if (!page.contains("nextCursor") || page.at("nextCursor").is_null())
            break;
        options["cursor"] = page.at("nextCursor");
    }
    require(count == 10000, "sandboxes are missing");
    report(from, 1);
}

} // namespace

int main(int count, char **arguments) {
    require(count >= 3, "bench-cpp PORT MEASURE [ARGUMENT...]");
    const std::string name = arguments[2];
    const std::vector<std::string> more(arguments + 3, arguments + count);
    const auto number = [&](std::size_t i) { return std::stoi(more.at(i)); };
    if (name == "echo-target") {
        daytona::Echo echo;
        in_flight(static_cast<std::size_t>(number(0)), number(1), number(2),
                  [&] { return echo.value_async({{"result", "hello"}, {"exitCode", 0}}); });
        return 0;
    }
    const measure began = begin();
    daytona::Client client({{"apiKey", "bench"}, {"apiUrl", std::string("http://127.0.0.1:") + arguments[1] + "/api"}});
    const auto sandbox = client.get("sandbox");
    const auto execute = [&] { return sandbox.process().execute("echo hello"); };
    const auto execute_async = [&] { return sandbox.process().execute_async("echo hello"); };
    execute();
    const measure from = begin();
    if (name == "first") {
        report(began, 1);
    } else if (name == "execute") {
        one_at_a_time(number(0), number(1), execute);
    } else if (name == "execute-async") {
        one_at_a_time(number(0), number(1), [&] { return execute_async().get(); });
    } else if (name == "in-flight") {
        in_flight(static_cast<std::size_t>(number(0)), number(1), number(2), execute_async);
    } else if (name == "upload") {
        sandbox.files().upload(more.at(0), "/tmp/upload");
        report(from, mib(more[0]));
    } else if (name == "download") {
        sandbox.files().download("/tmp/download", more.at(0));
        report(from, mib(more[0]));
    } else if (name == "read") {
        require(sandbox.files().read("/tmp/read").size() == 256u * MIB, "bytes are missing");
        report(from, 256);
    } else if (name == "list") {
        list(client);
    } else if (name == "log") {
        follow(sandbox, number(0));
    } else if (name == "echo") {
        echo(sandbox);
    } else {
        require(0, "no such measure");
    }
}
