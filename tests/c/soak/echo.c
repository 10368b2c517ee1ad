/* 100,000 calls, 64 in flight, of 8 threads with a queue each; DAYTONA_ECHO_CALLS says how many else, and then neither
 * resident memory nor descriptors may have grown since a tenth of them. */
#include "../check.h"
#include <dirent.h>
#include <malloc.h>

enum { THREADS = 8, IN_FLIGHT = 8 };

static daytona_client_t echo;
static long calls_of_each;

static void begin(daytona_queue_t queue, long number)
{
    char params[64], *error = NULL;
    snprintf(params, sizeof params, "{\"number\":%ld}", number);
    CHECK(daytona_submit(echo, "echo.value", params, NULL, 0, queue, (uint64_t)number, NULL, &error) == DAYTONA_OK);
}

static void *work(void *unused)
{
    daytona_queue_t queue;
    char *error = NULL;
    long begun = 0, done = 0;
    CHECK(daytona_queue_open(NULL, &queue, &error) == DAYTONA_OK);
    while (done < calls_of_each) {
        daytona_event_t events[IN_FLIGHT];
        size_t count = 0;
        while (begun < calls_of_each && begun - done < IN_FLIGHT)
            begin(queue, begun++);
        CHECK(daytona_queue_next(queue, events, IN_FLIGHT, -1, &count) == DAYTONA_OK);
        for (size_t i = 0; i < count; i++) {
            char params[64];
            int len = snprintf(params, sizeof params, "{\"number\":%ld}", (long)events[i].user_data);
            CHECK(events[i].kind == DAYTONA_DONE && events[i].status == DAYTONA_OK);
            CHECK(events[i].len == (uint64_t)len && !memcmp(events[i].data, params, events[i].len));
            done++;
        }
    }
    daytona_close(queue);
    return unused;
}

static void calls(long count)
{
    pthread_t threads[THREADS];
    calls_of_each = count / THREADS;
    for (int i = 0; i < THREADS; i++)
        CHECK(!pthread_create(&threads[i], NULL, work, NULL));
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

static long resident_kib(void)
{
    long pages = 0;
    malloc_trim(0);
    FILE *file = fopen("/proc/self/statm", "r");
    CHECK(file && fscanf(file, "%*d %ld", &pages) == 1);
    fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static int descriptors(void)
{
    int count = 0;
    DIR *directory = opendir("/proc/self/fd");
    while (directory && readdir(directory))
        count++;
    closedir(directory);
    return count;
}

static void every_call_is_answered_and_leaves_nothing_behind(void)
{
    const char *given = getenv("DAYTONA_ECHO_CALLS");
    long count = given ? atol(given) : 100000;
    echo = echo_client();
    calls(count / 10);
    long resident = resident_kib();
    int open = descriptors();
    calls(count);
    long resident_after = resident_kib();
    printf("soak C: %ld calls, resident %ld -> %ld KiB, descriptors %d -> %d\n", count, resident, resident_after, open, descriptors());
    CHECK(descriptors() <= open && (!given || resident_after <= resident + 8 * 1024));
    daytona_close(echo);
}

int main(void)
{
    RUN(every_call_is_answered_and_leaves_nothing_behind);
    return 0;
}
