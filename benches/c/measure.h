/* What the measured C and C++ programs share: CPU, wall clock, and the line of JSON that each prints. */
#ifndef MEASURE_H
#define MEASURE_H
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static inline double wall_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1e6 + now.tv_nsec / 1e3;
}

static inline double cpu_us(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 + usage.ru_utime.tv_usec +
           usage.ru_stime.tv_usec;
}

/* Memory of this process: now, or at most so far, in KiB. */
static inline long memory_kib(const char *which)
{
    char line[256];
    long kib = 0;
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status))
        if (!strncmp(line, which, strlen(which)))
            kib = atol(line + strlen(which) + 1);
    if (status)
        fclose(status);
    return kib;
}

struct measure { double cpu, wall; long idle_kib; };

static inline struct measure begin(void)
{
    struct measure now = {cpu_us(), wall_us(), memory_kib("VmRSS")};
    return now;
}

static inline void report_trips(struct measure from, double units, double p50_us)
{
    double cpu = cpu_us() - from.cpu, wall = wall_us() - from.wall;
    long peak_kib = memory_kib("VmHWM");
    printf("{\"cpuUs\":%.0f,\"wallUs\":%.0f,\"units\":%.0f,\"grownKib\":%ld,\"peakKib\":%ld", cpu, wall, units,
           peak_kib - from.idle_kib, peak_kib);
    if (p50_us)
        printf(",\"p50Us\":%.1f", p50_us);
    puts("}");
    fflush(stdout);
}

static inline void report(struct measure from, double units)
{
    report_trips(from, units, 0);
}

static inline void require(int good, const char *what)
{
    if (!good) {
        fprintf(stderr, "%s\n", what);
        exit(1);
    }
}

/* The cursor at the end of a page of a list, or NULL at the last. */
static inline const char *next_cursor(const char *page, char *cursor, size_t size)
{
    static const char key[] = "\"nextCursor\":\"";
    size_t length = strlen(page);
    const char *from = strstr(length < 64 ? page : page + length - 64, key);
    if (!from)
        return NULL;
    from += sizeof key - 1;
    snprintf(cursor, size, "%.*s", (int)strcspn(from, "\""), from);
    return cursor;
}

#define MIB (1 << 20)
#define LISTS 20
#define PAGES 50
#define EXECUTES 4000
#define IN_FLIGHT_CALLS 20000
#define SCREENSHOTS 20
#define SMALL_FILES_EACH 100
#define SMALL_FILES (100 * SMALL_FILES_EACH)
#define SCREENSHOT_BYTES (8 * MIB)
#endif
