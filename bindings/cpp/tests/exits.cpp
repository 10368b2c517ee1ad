// The program ends in order whatever is under way: `exits WAY`.
#include <cstdlib>
#include <daytona.hpp>
#include <iostream>
#include <sys/wait.h>
#include <unistd.h>

namespace {

constexpr std::int64_t ages_ms = 600000;

std::optional<daytona::Echo> global; // Destroyed after main.
std::vector<daytona::Call<void>> calls;

void begin(daytona::Echo &echo) {
    for (int i = 0; i < 10; i++)
        calls.push_back(echo.delay_async(ages_ms));
    echo.value_async().get();
}

/// In the child of a fork an inherited client answers Forked, and its end waits for nobody; a new one works.
void fork_now(daytona::Echo &echo) {
    const pid_t child = fork();
    if (child == 0) {
        bool good = false;
        try {
            echo.value();
        } catch (const daytona::Forked &) {
            good = true;
        }
        echo.close();
        daytona::Echo own;
        good = good && own.value_async({{"a", 1}}).get()["a"] == 1;
        own.close();
        std::_Exit(good ? 0 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (status != 0)
        std::_Exit(9);
}

} // namespace

int main(int, char **argv) {
    const std::string way = argv[1];
    if (way == "static") {
        begin(global.emplace());
    } else if (way == "leaked") {
        begin(*new daytona::Echo); // NOLINT: what is tested.
    } else if (way == "exit") {
        daytona::Echo echo;
        begin(echo);
        std::exit(0);
    } else if (way == "exit-of-a-thread") {
        daytona::Echo echo;
        begin(echo);
        std::thread([] { std::exit(0); }).join();
    } else if (way == "shutdown") {
        daytona::Echo echo;
        begin(echo);
        daytona::shutdown();
        for (auto &call : calls)
            try {
                call.get();
                return 2;
            } catch (const daytona::Closed &) {
            }
    } else if (way == "fork") {
        daytona::Echo echo;
        begin(echo);
        fork_now(echo);
        echo.value();
    } else if (way == "exception") {
        try {
            daytona::Echo echo;
            begin(echo);
            auto stream = echo.stream({{"echo", true}});
            throw std::runtime_error("out of here");
        } catch (const std::runtime_error &) {
        }
    } else {
        return 3;
    }
    return 0;
}
