/* Streams: opening, order, reading, each, results. */
#include "check.h"

static void on_a_queue_come_opened_then_data_then_one_ended(void)
{
    daytona_client_t client = echo_client();
    daytona_queue_t queue = new_queue(NULL);
    daytona_stream_t stream = open_stream(client, "{\"chunks\":3,\"size\":10,\"channel\":2}", queue);
    daytona_event_t event = next(queue);
    CHECK(event.kind == DAYTONA_OPENED && event.source == stream && event.user_data == 77);
    for (uint64_t i = 0; i < 3; i++) {
        event = next(queue);
        CHECK(event.kind == DAYTONA_DATA && event.channel == DAYTONA_STDERR && event.len == 10);
        CHECK(event.position == 10 * (i + 1) && event.data[9] == 'a' + (int)i);
    }
    event = next(queue);
    CHECK(event.kind == DAYTONA_ENDED && event.status == 0 && event.data[event.len] == 0 && event.position == 30);
    CHECK(number((const char *)event.data, "/exitCode") == 0 && number((const char *)event.data, "/bytes") == 30);
    CHECK(number((const char *)event.data, "/position") == 30);
    CHECK(is_quiet(queue));
    CHECK(STATUS(daytona_stream_result(stream, -1, &out, &out_len)) == 0 && number(out, "/bytes") == 30);
    CHECK(daytona_close(stream) == 0);
    daytona_close(queue);
    daytona_close(client);
}

static void a_failure_on_a_queue_is_ended_with_the_error(void)
{
    daytona_client_t client = echo_client();
    daytona_queue_t queue = new_queue(NULL);
    daytona_stream_t stream = open_stream(client, "{\"channel\":9}", queue);
    daytona_event_t event = next(queue);
    CHECK(event.kind == DAYTONA_ENDED && event.status == DAYTONA_INVALID_ARGUMENT && event.source == stream);
    CHECK(number((const char *)event.data, "/status") == DAYTONA_INVALID_ARGUMENT);
    CHECK(number((const char *)event.data, "/bytes") == 0 && number((const char *)event.data, "/position") == 0);
    CHECK(is_quiet(queue));
    daytona_close(stream);
    stream = 5;
    CHECK(STATUS(daytona_stream_open(client, "echo.stream", "{\"channel\":9}", 0, 0, &stream, &out)) == DAYTONA_INVALID_ARGUMENT);
    CHECK(stream == 0 && says("channel"));
    daytona_close(queue);
    daytona_close(client);
}

static void a_read_with_a_small_buffer_keeps_the_rest(void)
{
    daytona_client_t client = echo_client();
    daytona_stream_t stream = open_stream(client, "{\"chunks\":2,\"size\":10}", 0);
    uint8_t buffer[64];
    size_t count, sizes[] = {7, 3, 7, 3};
    int32_t channel = 9;
    for (int i = 0; i < 4; i++) {
        CHECK(daytona_stream_read(stream, buffer, 7, -1, &count, &channel) == 0);
        CHECK(count == sizes[i] && channel == DAYTONA_STDOUT && buffer[0] == 'a' + i / 2);
    }
    for (int i = 0; i < 3; i++) {
        count = 9;
        CHECK(daytona_stream_read(stream, buffer, 64, -1, &count, NULL) == DAYTONA_END_OF_STREAM && count == 0);
        CHECK(STATUS(daytona_stream_result(stream, 0, &out, &out_len)) == 0 && number(out, "/bytes") == 20 && out_len == strlen(out));
    }
    daytona_close(stream);
    daytona_close(client);
}

static void a_read_says_timeout_with_count_zero_when_nothing_came(void)
{
    daytona_client_t client = echo_client();
    daytona_stream_t stream = open_stream(client, "{\"echo\":true}", 0);
    uint8_t byte;
    size_t count = 9;
    CHECK(daytona_stream_read(stream, &byte, 1, 0, &count, NULL) == DAYTONA_TIMEOUT && count == 0);
    count = 9;
    CHECK(daytona_stream_read(stream, &byte, 1, 20, &count, NULL) == DAYTONA_TIMEOUT && count == 0);
    CHECK(STATUS(daytona_stream_write(stream, (const uint8_t *)"xy", 2, 0, &count, &out)) == 0 && count == 2);
    CHECK(daytona_stream_read(stream, &byte, 1, -1, &count, NULL) == 0 && count == 1 && byte == 'x');
    CHECK(daytona_stream_read(stream, &byte, 1, -1, &count, NULL) == 0 && count == 1 && byte == 'y');
    daytona_close(stream);
    daytona_close(client);
}

static void an_empty_chunk_is_never_read_as_nothing(void)
{
    daytona_client_t client = echo_client();
    daytona_stream_t stream = open_stream(client, "{\"chunks\":5,\"size\":0}", 0);
    uint8_t byte;
    size_t count;
    CHECK(daytona_stream_read(stream, &byte, 1, -1, &count, NULL) == DAYTONA_END_OF_STREAM && count == 0);
    CHECK(STATUS(daytona_stream_result(stream, 0, &out, NULL)) == 0);
    daytona_close(stream);
    daytona_close(client);
}

static void after_a_failure_the_status_comes_every_time_once_all_data_is_read(void)
{
    daytona_stream_t stream;
    uint8_t buffer[64];
    size_t count;
    /* Nothing tells how much waits to be read: where it was not all of it, it is done again with more time. */
    for (unsigned wait_us = 20000, chunks = 0; chunks < 2; wait_us *= 2) {
        daytona_client_t client = echo_client();
        stream = open_stream(client, "{\"chunks\":2,\"echo\":true}", 0);
        usleep(wait_us);
        CHECK(daytona_close(client) == 0);
        for (chunks = 0; daytona_stream_read(stream, buffer, 64, -1, &count, NULL) == 0; chunks++)
            CHECK(count == 16);
        if (chunks < 2)
            daytona_close(stream);
    }
    for (int i = 0; i < 3; i++) {
        CHECK(daytona_stream_read(stream, buffer, 64, -1, &count, NULL) == DAYTONA_CLOSED && count == 0);
        CHECK(STATUS(daytona_stream_result(stream, -1, &out, NULL)) == DAYTONA_CLOSED);
        CHECK(number(out, "/status") == DAYTONA_CLOSED && number(out, "/bytes") == 32 && number(out, "/position") == 32);
    }
    daytona_close(stream);
}

static void a_timeout_ends_a_stream_too(void)
{
    daytona_client_t client = echo_client();
    daytona_stream_t stream = 0;
    uint8_t byte;
    size_t count;
    for (int limit_ms = 20; !stream; limit_ms *= 2) { /* until it is open within its limit */
        char params[64];
        snprintf(params, sizeof params, "{\"echo\":true,\"timeoutMs\":%d}", limit_ms);
        int32_t status = STATUS(daytona_stream_open(client, "echo.stream", params, 0, 77, &stream, &out));
        CHECK(status == DAYTONA_OK || status == DAYTONA_TIMEOUT);
    }
    CHECK(daytona_stream_read(stream, &byte, 1, -1, &count, NULL) == DAYTONA_TIMEOUT);
    CHECK(STATUS(daytona_stream_result(stream, -1, &out, NULL)) == DAYTONA_TIMEOUT && says("timeoutMs"));
    daytona_close(stream);
    daytona_close(client);
}

static void a_result_is_busy_while_there_is_something_to_read_or_to_finish(void)
{
    daytona_client_t client = echo_client();
    daytona_queue_t queue = new_queue(NULL);
    daytona_stream_t stream = open_stream(client, "{\"chunks\":1}", 0);
    uint8_t buffer[64];
    size_t count;
    CHECK(STATUS(daytona_stream_result(stream, -1, &out, NULL)) == DAYTONA_BUSY && says("unread"));
    CHECK(daytona_stream_read(stream, buffer, 64, -1, &count, NULL) == 0);
    CHECK(STATUS(daytona_stream_result(stream, -1, &out, NULL)) == 0);
    daytona_close(stream);
    stream = open_stream(client, "{\"echo\":true}", 0);
    CHECK(STATUS(daytona_stream_result(stream, -1, &out, NULL)) == DAYTONA_BUSY && says("finish"));
    CHECK(daytona_stream_finish(stream, NULL) == 0);
    CHECK(STATUS(daytona_stream_result(stream, -1, &out, NULL)) == 0);
    daytona_close(stream);
    stream = open_stream(client, "{\"echo\":true}", queue);
    CHECK(STATUS(daytona_stream_result(stream, -1, &out, NULL)) == DAYTONA_BUSY);
    CHECK(daytona_stream_finish(stream, NULL) == 0);
    while (next(queue).kind != DAYTONA_ENDED)
        ;
    CHECK(STATUS(daytona_stream_result(stream, -1, &out, NULL)) == 0 && number(out, "/exitCode") == 0);
    CHECK(daytona_stream_read(stream, buffer, 64, 0, &count, NULL) == DAYTONA_BUSY);
    daytona_close(stream);
    daytona_close(queue);
    daytona_close(client);
}

struct drain {
    daytona_stream_t stream;
    char letters[4000];
    int data, held, ended, events, hold_every, end_at, wrong_kind;
    uint64_t end_position;
    _Atomic uint64_t result;
    atomic_int started, go_on, paused;
};

static int32_t drain(void *context, const daytona_event_t *event)
{
    struct drain *drain = context;
    drain->started = 1;
    drain->events++;
    if (event->source != drain->stream || event->user_data != 77)
        drain->wrong_kind++;
    if (event->kind == DAYTONA_ENDED) {
        drain->ended++;
        drain->end_position = event->position;
        return 0;
    }
    if (event->kind != DAYTONA_DATA) {
        drain->wrong_kind++;
        return 0;
    }
    if (drain->hold_every && ++drain->held % drain->hold_every == 0) {
        drain->paused++;
        return DAYTONA_WOULD_BLOCK;
    }
    drain->letters[drain->data++] = (char)event->data[0];
    return drain->data == drain->end_at ? 7 : 0;
}

static void each_gives_every_event_on_this_thread_and_returns_the_end(void)
{
    daytona_client_t client = echo_client();
    struct drain all = {.stream = open_stream(client, "{\"chunks\":100}", 0)};
    CHECK(STATUS(daytona_stream_each(all.stream, drain, &all, &out, &out_len)) == 0);
    CHECK(number(out, "/bytes") == 1600 && out_len == strlen(out));
    CHECK(all.data == 100 && all.ended == 1 && all.wrong_kind == 0 && all.end_position == 1600);
    for (int i = 0; i < 100; i++)
        CHECK(all.letters[i] == 'a' + i % 26);
    CHECK(STATUS(daytona_stream_result(all.stream, -1, &out, NULL)) == 0);
    daytona_close(all.stream);
    daytona_close(client);
}

static void a_non_zero_answer_ends_the_stream_and_each_returns_cancelled(void)
{
    daytona_client_t client = echo_client();
    struct drain all = {.stream = open_stream(client, "{\"chunks\":100000,\"delayMs\":1}", 0), .end_at = 3};
    CHECK(STATUS(daytona_stream_each(all.stream, drain, &all, &out, &out_len)) == DAYTONA_CANCELLED);
    CHECK(number(out, "/status") == DAYTONA_CANCELLED && all.data == 3 && all.ended == 0);
    uint8_t buffer[64];
    size_t count;
    int32_t status;
    while ((status = daytona_stream_read(all.stream, buffer, 64, -1, &count, NULL)) == 0)
        ;
    CHECK(status == DAYTONA_CANCELLED);
    CHECK(STATUS(daytona_stream_result(all.stream, -1, &out, NULL)) == DAYTONA_CANCELLED);
    CHECK(daytona_close(all.stream) == 0);
    daytona_close(client);
}

static void *resume_what_pauses(void *context)
{
    struct drain *drain = context;
    for (int seen = 0; !drain->go_on;) {
        if (drain->paused > seen) {
            seen = drain->paused;
            if (daytona_stream_resume(drain->stream))
                exit(8);
        }
        sched_yield();
    }
    return NULL;
}

static void each_pauses_on_would_block_until_a_resume_from_another_thread(void)
{
    daytona_client_t client = echo_client();
    struct drain all = {.stream = open_stream(client, "{\"chunks\":200}", 0), .hold_every = 5};
    pthread_t thread;
    CHECK(!pthread_create(&thread, NULL, resume_what_pauses, &all));
    CHECK(STATUS(daytona_stream_each(all.stream, drain, &all, &out, &out_len)) == 0);
    all.go_on = 1;
    pthread_join(thread, NULL);
    CHECK(all.data == 200 && all.ended == 1);
    for (int i = 0; i < 200; i++)
        CHECK(all.letters[i] == 'a' + i % 26);
    daytona_close(all.stream);
    daytona_close(client);
}

static atomic_int each_status;

static void *drain_elsewhere(void *context)
{
    struct drain *all = context;
    each_status = 1000 + daytona_stream_each(all->stream, drain, all, NULL, NULL);
    return NULL;
}

static void a_closed_stream_ends_whoever_waits_on_it_with_closed(void)
{
    daytona_client_t client = echo_client();
    for (int i = 0; i < 20; i++) {
        struct drain *all = calloc(1, sizeof *all);
        pthread_t thread;
        all->stream = open_stream(client, i % 2 ? "{\"chunks\":1,\"echo\":true}" : "{\"chunks\":1000000000000}", 0);
        CHECK(!pthread_create(&thread, NULL, drain_elsewhere, all));
        all->end_at = 0;
        while (!all->started)
            sched_yield();
        uint8_t byte;
        size_t count;
        CHECK(daytona_stream_read(all->stream, &byte, 1, 0, &count, NULL) == DAYTONA_BUSY);
        CHECK(daytona_close(all->stream) == 0);
        pthread_join(thread, NULL);
        CHECK(each_status == 1000 + DAYTONA_CLOSED);
        free(all);
    }
    daytona_close(client);
}

static int32_t sleeps(void *context, const daytona_event_t *event)
{
    atomic_int *state = context;
    (void)event;
    state[0] = 1;
    usleep(300);
    state[0] = 2;
    return 0;
}

struct each {
    daytona_stream_t stream;
    atomic_int *state;
};

static void *sleep_in_each(void *context)
{
    struct each *each = context;
    daytona_stream_each(each->stream, sleeps, each->state, NULL, NULL);
    return NULL;
}

static void closing_waits_for_a_callback_of_each_and_none_begins_afterwards(void)
{
    daytona_client_t client = echo_client();
    for (int i = 0; i < 60; i++) {
        pthread_t thread;
        atomic_int *state = calloc(2, sizeof *state);
        struct each each = {open_stream(client, "{\"chunks\":1000000000000,\"size\":1}", 0), state};
        CHECK(!pthread_create(&thread, NULL, sleep_in_each, &each));
        while (!state[0])
            sched_yield();
        usleep((useconds_t)i * 10);
        CHECK(daytona_close(each.stream) == 0);
        CHECK(state[0] == 2);
        state[0] = 3;
        usleep(600);
        CHECK(state[0] == 3);
        pthread_join(thread, NULL);
        free(state);
    }
    daytona_close(client);
}

static int32_t closes_its_own(void *context, const daytona_event_t *event)
{
    (*(int *)context)++;
    return daytona_close(event->source);
}

static void each_may_close_its_own_stream(void)
{
    daytona_client_t client = echo_client();
    int calls = 0;
    daytona_stream_t stream = open_stream(client, "{\"chunks\":9}", 0);
    CHECK(STATUS(daytona_stream_each(stream, closes_its_own, &calls, &out, NULL)) == DAYTONA_CLOSED && calls == 1);
    CHECK(STATUS(daytona_stream_result(stream, -1, &out, NULL)) == DAYTONA_INVALID_HANDLE);
    daytona_close(client);
}

static void closing_a_queue_ends_its_streams_with_cancelled_and_keeps_their_handles(void)
{
    daytona_client_t client = echo_client();
    daytona_queue_t queue = new_queue(NULL);
    daytona_stream_t stream = open_stream(client, "{\"echo\":true}", queue);
    usleep(10000);
    CHECK(daytona_close(queue) == 0);
    int32_t status;
    while ((status = STATUS(daytona_stream_result(stream, 0, &out, NULL))) == DAYTONA_BUSY)
        sched_yield();
    CHECK(status == DAYTONA_CANCELLED && number(out, "/status") == DAYTONA_CANCELLED);
    CHECK(daytona_close(stream) == 0);
    daytona_close(client);
}

static void a_closed_stream_sends_nothing_to_its_queue_any_more(void)
{
    daytona_client_t client = echo_client();
    daytona_queue_t queue = new_queue("{\"capacityCalls\":4}");
    for (int i = 0; i < 200; i++) {
        daytona_stream_t stream = open_stream(client, "{\"chunks\":20}", queue);
        if (i % 3)
            next(queue);
        CHECK(daytona_close(stream) == 0);
        daytona_event_t event;
        size_t count;
        CHECK(daytona_queue_next(queue, &event, 1, 0, &count) == DAYTONA_TIMEOUT);
    }
    CHECK(is_quiet(queue));
    daytona_close(queue);
    daytona_close(client);
}

static void closing_a_client_ends_its_streams_with_closed(void)
{
    daytona_client_t client = echo_client();
    daytona_queue_t queue = new_queue(NULL);
    daytona_stream_t stream = open_stream(client, "{\"echo\":true,\"chunks\":1,\"size\":5}", queue);
    CHECK(next(queue).kind == DAYTONA_OPENED && next(queue).kind == DAYTONA_DATA);
    CHECK(daytona_close(client) == 0);
    daytona_event_t event = next(queue);
    CHECK(event.kind == DAYTONA_ENDED && event.status == DAYTONA_CLOSED && event.source == stream);
    CHECK(event.position == 5 && number((const char *)event.data, "/position") == 5);
    CHECK(is_quiet(queue));
    daytona_close(stream);
    daytona_close(queue);
}

static int32_t count_events(void *context, const daytona_event_t *event)
{
    *(int *)context += event->kind == DAYTONA_DATA;
    return 0;
}

static void chunks_that_are_empty_are_bounded_too(void)
{
    int waited = 0;
    for (unsigned wait_us = 100000; waited == 0; wait_us *= 2) { /* until it had begun when the client was closed */
        daytona_client_t client = echo_client();
        daytona_stream_t stream = open_stream(client, "{\"chunks\":1000000000000,\"size\":0,\"bufferBytes\":65536}", 0);
        usleep(wait_us);
        CHECK(daytona_close(client) == 0);
        CHECK(daytona_stream_each(stream, count_events, &waited, NULL, NULL) == DAYTONA_CLOSED);
        daytona_close(stream);
    }
    CHECK(waited <= 65536);
}

int main(void)
{
    RUN(on_a_queue_come_opened_then_data_then_one_ended);
    RUN(a_failure_on_a_queue_is_ended_with_the_error);
    RUN(a_read_with_a_small_buffer_keeps_the_rest);
    RUN(a_read_says_timeout_with_count_zero_when_nothing_came);
    RUN(an_empty_chunk_is_never_read_as_nothing);
    RUN(after_a_failure_the_status_comes_every_time_once_all_data_is_read);
    RUN(a_timeout_ends_a_stream_too);
    RUN(a_result_is_busy_while_there_is_something_to_read_or_to_finish);
    RUN(each_gives_every_event_on_this_thread_and_returns_the_end);
    RUN(a_non_zero_answer_ends_the_stream_and_each_returns_cancelled);
    RUN(each_pauses_on_would_block_until_a_resume_from_another_thread);
    RUN(a_closed_stream_ends_whoever_waits_on_it_with_closed);
    RUN(closing_waits_for_a_callback_of_each_and_none_begins_afterwards);
    RUN(each_may_close_its_own_stream);
    RUN(closing_a_queue_ends_its_streams_with_cancelled_and_keeps_their_handles);
    RUN(a_closed_stream_sends_nothing_to_its_queue_any_more);
    RUN(closing_a_client_ends_its_streams_with_closed);
    RUN(chunks_that_are_empty_are_bounded_too);
    return 0;
}
