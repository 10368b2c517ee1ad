/* What the C tests share. A test is a function named after the promise it checks. */
#ifndef CHECK_H
#define CHECK_H
#include <daytona.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *promise = "";

/* Ends the program with the broken promise. */
#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s:%d: %s: broken: %s\n", __FILE__, __LINE__, promise, #condition);             \
            exit(1);                                                                                         \
        }                                                                                                    \
    } while (0)

/* The status of a call that has `out`; what came out is freed by the next. */
__attribute__((unused)) static char *out;
__attribute__((unused)) static size_t out_len;
#define STATUS(call) (daytona_free(out), out = NULL, (call))

#define RUN(test)                                                                                            \
    do {                                                                                                     \
        promise = #test;                                                                                     \
        test();                                                                                              \
        daytona_free(out);                                                                                   \
        out = NULL;                                                                                          \
    } while (0)

/* The error JSON in `out` has this text somewhere in its message. */
static inline int says(const char *text)
{
    char *message = NULL;
    int found = out && !daytona_json_text(out, "/message", &message, NULL) && strstr(message, text);
    if (!found)
        fprintf(stderr, "the error says: %s\n", out ? out : "NULL");
    daytona_free(message);
    return found;
}

static inline int64_t number(const char *json, const char *pointer)
{
    int64_t value = INT64_MIN;
    daytona_json_int(json, pointer, &value);
    return value;
}

static inline daytona_client_t echo_client(void)
{
    daytona_client_t client;
    CHECK(STATUS(daytona_echo_open(NULL, &client, &out)) == DAYTONA_OK && client != 0 && out == NULL);
    return client;
}

static inline daytona_queue_t new_queue(const char *options)
{
    daytona_queue_t queue;
    CHECK(STATUS(daytona_queue_open(options, &queue, &out)) == DAYTONA_OK && queue != 0 && out == NULL);
    return queue;
}

static inline void submit(daytona_client_t client, const char *operation, const char *params,
                          daytona_queue_t queue, uint64_t user_data, daytona_call_t *call)
{
    CHECK(STATUS(daytona_submit(client, operation, params, NULL, 0, queue, user_data, call, &out)) ==
          DAYTONA_OK);
    CHECK(out == NULL);
}

static inline daytona_stream_t open_stream(daytona_client_t client, const char *params, daytona_queue_t queue)
{
    daytona_stream_t stream;
    CHECK(STATUS(daytona_stream_open(client, "echo.stream", params, queue, 77, &stream, &out)) == DAYTONA_OK);
    CHECK(stream != 0 && out == NULL);
    return stream;
}

/* The next event, which has to come. */
static inline daytona_event_t next(daytona_queue_t queue)
{
    daytona_event_t event;
    size_t count;
    CHECK(daytona_queue_next(queue, &event, 1, 20000, &count) == DAYTONA_OK && count == 1);
    if (event.kind == DAYTONA_DONE || event.kind == DAYTONA_ENDED)
        CHECK(event.data && event.data[event.len] == 0);
    return event;
}

/* Nothing waits in the queue, and nothing comes soon. */
static inline int is_quiet(daytona_queue_t queue)
{
    daytona_event_t event;
    size_t count = 9;
    return daytona_queue_next(queue, &event, 1, 60, &count) == DAYTONA_TIMEOUT && count == 0;
}

/* Waits until another thread or callback has made the number what is wanted. */
static inline int becomes(atomic_int *number, int wanted)
{
    for (int i = 0; i < 20000; i++, usleep(1000))
        if (atomic_load(number) == wanted)
            return 1;
    return 0;
}
#endif
