// Many calls, and what they leave behind.
#ifndef SOAK_HPP
#define SOAK_HPP

#include "check.hpp"
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <malloc.h>
#include <unistd.h>

struct Held {
    long resident_kib = 0;
    long descriptors = 0;

    static Held now() {
        malloc_trim(0);
        long virtual_pages = 0, pages = 0;
        std::ifstream("/proc/self/statm") >> virtual_pages >> pages;
        const std::filesystem::directory_iterator open("/proc/self/fd");
        return {pages * (sysconf(_SC_PAGESIZE) / 1024), std::distance(begin(open), end(open))};
    }
};

/// Makes 100,000 calls; with DAYTONA_ECHO_CALLS that many, after a tenth of them to warm up, and then neither resident
/// memory nor descriptors may have grown.
template <class F> void soak(const char *language, F calls) {
    const char *given = std::getenv("DAYTONA_ECHO_CALLS");
    if (!given)
        return calls(100000);
    const int count = std::atoi(given);
    calls(count / 10);
    const Held before = Held::now();
    calls(count);
    const Held after = Held::now();
    std::cout << "soak " << language << ": " << count << " calls, resident " << before.resident_kib << " -> " << after.resident_kib
              << " KiB, descriptors " << before.descriptors << " -> " << after.descriptors << "\n";
    CHECK(after.resident_kib <= before.resident_kib + 8 * 1024);
    CHECK(after.descriptors <= before.descriptors);
}

#endif
