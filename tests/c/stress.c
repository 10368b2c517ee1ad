/* Many threads, any function, any handle: whatever comes of it, no crash, no hang, no leak. The amount of
 * work is counted, not timed. */
#include "check.h"

enum { THREADS = 6, STEPS = 200, HANDLES = 48 };

static _Atomic uint64_t handles[HANDLES];
static atomic_int running;

static unsigned draw(uint64_t *random, unsigned below)
{
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(*random >> 33) % below;
}

static int32_t on_event(void *context, const daytona_event_t *event)
{
    uint64_t random = event->source * 31 + event->position + event->len;
    char *data = NULL;
    (void)context;
    if (event->result)
        daytona_close(event->result);
    switch (draw(&random, 12)) {
    case 0: daytona_close(event->source); break;
    case 1: daytona_event_take(event, &data); break;
    case 2: daytona_stream_resume(event->source); return DAYTONA_WOULD_BLOCK;
    case 3: daytona_cancel(event->source); break;
    }
    daytona_free(data);
    return 0;
}

/* A handle of the table, of whatever type, open or closed; at times none at all. */
static uint64_t any(uint64_t *random)
{
    return draw(random, 40) ? handles[draw(random, HANDLES)] : (uint64_t)draw(random, 1u << 30) << draw(random, 24);
}

static void keep(uint64_t *random, uint64_t handle)
{
    if (handle)
        daytona_close(atomic_exchange(&handles[draw(random, HANDLES)], handle));
}

static const char *const CALLS[][2] = {
    {"echo.value", "{\"a\":1}"}, {"echo.delay", "{\"ms\":1}"}, {"echo.error", "{\"status\":503}"}, {"echo.panic", "{}"},
    {"echo.handle", "{}"}, {"echo.bytes", "{}"}, {"echo.delay", "{\"ms\":100000}"}, {"echo.stream", "{}"}, {"no.such", "["},
};
static const char *const STREAMS[] = {"{}", "{\"chunks\":50}", "{\"echo\":true,\"bufferBytes\":65536}", "{\"chunks\":1000000}",
                                      "{\"chunks\":9,\"delayMs\":1}", "{\"channel\":7}", "{\"size\":100000,\"chunks\":40}"};

static void step(uint64_t *random)
{
    uint8_t buffer[3000] = {0};
    uint64_t made = 0;
    char *text = NULL;
    size_t count = 0;
    daytona_event_t events[8];
    const char *const *call = CALLS[draw(random, sizeof CALLS / sizeof *CALLS)];
    switch (draw(random, 18)) {
    case 0: daytona_echo_open(NULL, &made, &text); break;
    case 1: daytona_queue_open(draw(random, 2) ? NULL : "{\"capacityEvents\":2,\"capacityCalls\":5}", &made, &text); break;
    case 2: daytona_queue_open_callback(draw(random, 2) ? NULL : "{\"inline\":true}", on_event, NULL, &made, &text); break;
    case 3:
        if (strcmp(call[1], "{\"ms\":100000}"))
            daytona_call(any(random), call[0], call[1], NULL, 0, &made, &text, &count);
        break;
    case 4:
    case 5: daytona_submit(any(random), call[0], call[1], NULL, 0, any(random), 3, &made, &text); break;
    case 6: daytona_stream_open(any(random), "echo.stream", STREAMS[draw(random, 7)], any(random), 4, &made, &text); break;
    case 7: daytona_stream_open(any(random), "echo.stream", STREAMS[draw(random, 7)], 0, 5, &made, &text); break;
    case 8:
    case 9:
        if (daytona_queue_next(any(random), events, 8, draw(random, 3), &count) == 0)
            for (size_t i = 0; i < count; i++) {
                uint64_t sum = 0;
                for (uint64_t k = 0; k < events[i].len; k++)
                    sum += events[i].data[k];
                daytona_close(events[i].result);
                if (sum % 3 == 0 && daytona_event_take(&events[i], &text) == 0) {
                    daytona_free(text);
                    text = NULL;
                }
            }
        break;
    case 10: daytona_stream_read(any(random), buffer, 1 + draw(random, 3000), draw(random, 3), &count, NULL); break;
    case 11: daytona_stream_write(any(random), buffer, draw(random, 3000), draw(random, 3), &count, &text); break;
    case 12: daytona_stream_finish(any(random), &text); break;
    case 13: daytona_stream_result(any(random), draw(random, 3), &text, &count); break;
    case 14: daytona_cancel(any(random)); break;
    case 15: daytona_queue_wake(any(random)); break;
    case 16: {
        int64_t fd;
        if (daytona_queue_fd(any(random), &fd) == 0)
            close((int)fd);
        daytona_stream_resume(any(random));
        daytona_log((int32_t)draw(random, 6), any(random), 6);
        break;
    }
    default: daytona_close(draw(random, 4) ? any(random) : atomic_exchange(&handles[draw(random, HANDLES)], 0)); break;
    }
    daytona_free(text);
    keep(random, made);
}

static void *work(void *seed)
{
    uint64_t random = (uint64_t)(uintptr_t)seed * 7919 + 17;
    for (int i = 0; i < STEPS; i++)
        step(&random);
    running--;
    return NULL;
}

static void whatever_is_called_with_whatever_handles_the_library_stands(void)
{
    pthread_t threads[THREADS];
    running = THREADS;
    for (int i = 0; i < HANDLES; i += 3)
        handles[i] = i % 2 ? echo_client() : new_queue(NULL);
    for (int i = 0; i < THREADS; i++)
        CHECK(!pthread_create(&threads[i], NULL, work, (void *)(uintptr_t)(i + 1)));
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < HANDLES; i++)
        daytona_close(handles[i]);
    daytona_client_t client = echo_client();
    daytona_queue_t queue = new_queue(NULL);
    submit(client, "echo.value", "{}", queue, 0, NULL);
    CHECK(next(queue).status == 0);
    daytona_close(queue);
    daytona_close(client);
    CHECK(daytona_shutdown(-1) == 0); /* nothing runs on */
}

static daytona_client_t client;
static _Atomic uint64_t target;
static atomic_int go;

static void *submit_and_open(void *unused)
{
    while (go) {
        uint64_t call = 0, stream = 0;
        daytona_submit(client, "echo.delay", "{\"ms\":100000000}", NULL, 0, target, 0, &call, NULL);
        daytona_stream_open(client, "echo.stream", "{\"echo\":true}", target, 0, &stream, NULL);
        /* The handle of a stream stays until it is closed. */
        daytona_close(stream);
        if (call % 3 == 0)
            daytona_cancel(call);
    }
    return unused;
}

static void nothing_runs_on_for_a_queue_that_is_closed_meanwhile(void)
{
    pthread_t threads[3];
    client = echo_client();
    go = 1;
    for (int i = 0; i < 3; i++)
        CHECK(!pthread_create(&threads[i], NULL, submit_and_open, NULL));
    for (int i = 0; i < 150; i++) {
        daytona_queue_t queue = new_queue(NULL);
        target = queue;
        sched_yield();
        CHECK(daytona_close(queue) == 0);
    }
    go = 0;
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    daytona_close(client);
    CHECK(daytona_shutdown(-1) == 0);
}

int main(void)
{
    RUN(whatever_is_called_with_whatever_handles_the_library_stands);
    RUN(nothing_runs_on_for_a_queue_that_is_closed_meanwhile);
    return 0;
}
