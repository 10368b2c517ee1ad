// What the test programs share: named tests, and checks that say where they failed.
#ifndef CHECK_HPP
#define CHECK_HPP

#include <daytona.hpp>
#include <iostream>
#include <sstream>

namespace check {

using daytona::Json;

struct Failed : std::runtime_error {
    using std::runtime_error::runtime_error;
};

inline void that(bool good, const char *what, const char *file, int line) {
    if (!good)
        throw Failed(std::string(file) + ":" + std::to_string(line) + ": " + what);
}

template <class A, class B> void same(const A &came, const B &wanted, const char *what, const char *file, int line) {
    if (came == wanted)
        return;
    std::ostringstream text;
    text << file << ":" << line << ": " << what << ": expected " << wanted << ", came " << came;
    throw Failed(text.str());
}

/// The error that `call` throws, which has to be of exactly that kind.
template <class E, class F> E thrown(F call, const char *what, const char *file, int line) {
    try {
        call();
    } catch (const E &error) {
        that(typeid(error) == typeid(E), what, file, line);
        return error;
    }
    throw Failed(std::string(file) + ":" + std::to_string(line) + ": nothing was thrown by " + what);
}

#define CHECK(good) check::that((good), #good, __FILE__, __LINE__)
#define SAME(came, wanted) check::same((came), (wanted), #came, __FILE__, __LINE__)
#define THROWS(kind, call) check::thrown<kind>([&] { static_cast<void>(call); }, #call, __FILE__, __LINE__)

struct Test {
    const char *promise;
    void (*run)();
};

/// Runs the tests whose promise has `argv[1]` in it.
template <std::size_t N> int all(const Test (&tests)[N], int argc, char **argv) {
    int passed = 0, failed = 0;
    for (const Test &test : tests) {
        if (argc > 1 && std::string(test.promise).find(argv[1]) == std::string::npos)
            continue;
        try {
            test.run();
            passed++;
        } catch (const std::exception &error) {
            failed++;
            std::cout << test.promise << " failed: " << error.what() << std::endl;
        }
    }
    std::cout << passed << " passed, " << failed << " failed" << std::endl;
    return failed || !passed;
}

} // namespace check

#endif
