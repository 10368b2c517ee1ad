/* Callback queues: their own thread, serial, holding back, and closing. */
#include "check.h"

struct seen {
    atomic_int events, inside, overlaps, done, ended, held, hold, close_self, data;
    _Atomic uint64_t source;
    pthread_t thread;
    char letters[4096];
    daytona_queue_t queue;
    daytona_stream_t stream;
    atomic_int gate, at_gate;
};

static int32_t on_event(void *context, const daytona_event_t *event)
{
    struct seen *seen = context;
    if (atomic_fetch_add(&seen->inside, 1))
        seen->overlaps++;
    seen->thread = pthread_self();
    seen->source = event->source;
    seen->events++;
    int32_t answer = 0;
    if (event->kind == DAYTONA_DATA) {
        if (seen->hold) {
            seen->held++;
            answer = DAYTONA_WOULD_BLOCK;
        } else if (seen->data < 4000) {
            seen->letters[seen->data++] = (char)event->data[0];
        }
    }
    seen->done += event->kind == DAYTONA_DONE;
    seen->ended += event->kind == DAYTONA_ENDED;
    if (seen->close_self)
        daytona_close(seen->close_self == 1 ? seen->queue : seen->stream);
    seen->inside--;
    return answer;
}

static daytona_queue_t callback_queue(const char *options, daytona_callback_t callback, void *context)
{
    daytona_queue_t queue;
    CHECK(STATUS(daytona_queue_open_callback(options, callback, context, &queue, &out)) == 0 && queue && !out);
    return queue;
}

/* Both kinds of callback queues keep the promises of this file. */
static const char *options;

static void a_callback_runs_serially_for_every_event(void)
{
    struct seen seen = {0};
    daytona_client_t client = echo_client();
    daytona_queue_t queue = callback_queue(options, on_event, &seen);
    for (uint64_t i = 0; i < 500; i++)
        submit(client, "echo.value", "{}", queue, i, NULL);
    CHECK(becomes(&seen.done, 500));
    CHECK(seen.overlaps == 0);
    if (!options)
        CHECK(!pthread_equal(seen.thread, pthread_self()));
    daytona_event_t event;
    size_t count = 4;
    int64_t fd = 4;
    CHECK(daytona_queue_next(queue, &event, 1, 0, &count) == DAYTONA_BUSY && count == 0);
    CHECK(daytona_queue_fd(queue, &fd) == DAYTONA_INVALID_ARGUMENT && fd == -1);
    daytona_close(queue);
    CHECK(seen.events == 500);
    daytona_close(client);
}

static int in_order(const struct seen *seen, int count)
{
    for (int i = 0; i < count; i++)
        if (seen->letters[i] != 'a' + i % 26)
            return 0;
    return seen->data == count;
}

static void data_held_back_is_offered_again_after_a_resume(void)
{
    struct seen seen = {.hold = 1};
    daytona_client_t client = echo_client();
    daytona_queue_t queue = callback_queue(options, on_event, &seen);
    daytona_stream_t stream = open_stream(client, "{\"chunks\":300}", queue);
    CHECK(becomes(&seen.held, 1));
    submit(client, "echo.value", "{}", queue, 0, NULL);
    CHECK(becomes(&seen.done, 1)); /* the stream pauses, nothing else */
    CHECK(seen.held == 1 && seen.ended == 0);
    CHECK(daytona_stream_resume(stream) == 0);
    CHECK(becomes(&seen.held, 2));
    seen.hold = 0;
    CHECK(daytona_stream_resume(stream) == 0);
    CHECK(becomes(&seen.ended, 1));
    CHECK(in_order(&seen, 300));
    daytona_close(stream);
    daytona_close(queue);
    daytona_close(client);
}

static int32_t resumes_before_it_returns(void *context, const daytona_event_t *event)
{
    struct seen *seen = context;
    if (event->kind == DAYTONA_DATA && seen->held++ % 2 == 0) {
        daytona_stream_resume(event->source);
        return DAYTONA_WOULD_BLOCK;
    }
    if (event->kind == DAYTONA_DATA)
        seen->letters[seen->data++] = (char)event->data[0];
    seen->ended += event->kind == DAYTONA_ENDED;
    return DAYTONA_WOULD_BLOCK * (event->kind != DAYTONA_DATA); /* means nothing there */
}

static void a_resume_before_the_callback_returned_counts(void)
{
    struct seen seen = {0};
    daytona_client_t client = echo_client();
    daytona_queue_t queue = callback_queue(options, resumes_before_it_returns, &seen);
    daytona_stream_t stream = open_stream(client, "{\"chunks\":200}", queue);
    CHECK(becomes(&seen.ended, 1));
    CHECK(in_order(&seen, 200) && seen.held == 400);
    daytona_close(stream);
    daytona_close(queue);
    daytona_close(client);
}

static int32_t sticks_in_done(void *context, const daytona_event_t *event)
{
    struct seen *seen = context;
    if (event->kind == DAYTONA_DONE) {
        seen->at_gate = 1;
        while (seen->gate)
            usleep(1000);
    }
    if (event->kind == DAYTONA_DATA && event->position == 16 && seen->held++ == 0) {
        while (!seen->done) /* until more of this stream waits, and a call's end behind it */
            usleep(1000);
        return DAYTONA_WOULD_BLOCK;
    }
    if (event->kind == DAYTONA_DATA)
        seen->letters[seen->data++] = (char)event->data[0];
    seen->ended += event->kind == DAYTONA_ENDED;
    return 0;
}

static void what_arrives_while_data_is_held_stays_in_order(void)
{
    struct seen seen = {.gate = 1};
    daytona_client_t client = echo_client();
    daytona_queue_t queue = callback_queue(NULL, sticks_in_done, &seen);
    daytona_stream_t stream = open_stream(client, "{\"echo\":true}", queue);
    const uint8_t *letters[] = {(const uint8_t *)"aaaaaaaaaaaaaaaa", (const uint8_t *)"b", (const uint8_t *)"c"};
    while (daytona_stream_write(stream, letters[0], 16, -1, NULL, NULL))
        sched_yield();
    CHECK(becomes(&seen.held, 1));
    submit(client, "echo.value", "{}", queue, 0, NULL);
    usleep(10000);
    CHECK(daytona_stream_write(stream, letters[1], 1, -1, NULL, NULL) == 0);
    usleep(10000);
    seen.done = 1; /* held from now on; the callback goes to the call's end and sticks there */
    CHECK(becomes(&seen.at_gate, 1));
    CHECK(daytona_stream_write(stream, letters[2], 1, -1, NULL, NULL) == 0);
    usleep(10000);
    CHECK(daytona_stream_resume(stream) == 0);
    seen.gate = 0;
    CHECK(becomes(&seen.data, 3));
    CHECK(!memcmp(seen.letters, "abc", 3));
    CHECK(daytona_stream_finish(stream, NULL) == 0 && becomes(&seen.ended, 1));
    daytona_close(stream);
    daytona_close(queue);
    daytona_close(client);
}

static void closing_a_stream_whose_data_is_held_ends_its_events(void)
{
    struct seen seen = {.hold = 1};
    daytona_client_t client = echo_client();
    daytona_queue_t queue = callback_queue(options, on_event, &seen);
    for (int i = 0; i < 20; i++) {
        daytona_stream_t stream = open_stream(client, "{\"chunks\":100}", queue);
        CHECK(becomes(&seen.held, i + 1));
        CHECK(daytona_close(stream) == 0);
        CHECK(daytona_stream_resume(stream) == DAYTONA_INVALID_HANDLE);
    }
    submit(client, "echo.value", "{}", queue, 0, NULL);
    CHECK(becomes(&seen.done, 1));
    CHECK(seen.ended == 0 && seen.held == 20);
    daytona_close(queue);
    daytona_close(client);
}

static int32_t holds_and_closes(void *context, const daytona_event_t *event)
{
    struct seen *seen = context;
    seen->done += event->kind == DAYTONA_DONE;
    if (event->kind != DAYTONA_DATA)
        return 0;
    seen->held++;
    daytona_close(event->source);
    return DAYTONA_WOULD_BLOCK;
}

static void data_that_is_held_back_by_the_closing_callback_takes_no_room(void)
{
    struct seen seen = {0};
    daytona_client_t client = echo_client();
    char inline_too[64];
    snprintf(inline_too, sizeof inline_too, "{\"capacityEvents\":2,\"capacityCalls\":2,\"inline\":%s}", options ? "true" : "false");
    daytona_queue_t queue = callback_queue(inline_too, holds_and_closes, &seen);
    for (int i = 0; i < 20; i++) {
        daytona_stream_t stream = 0;
        CHECK(STATUS(daytona_stream_open(client, "echo.stream", "{\"chunks\":50}", queue, 0, &stream, &out)) == 0);
        CHECK(becomes(&seen.held, i + 1));
        CHECK(daytona_close(stream) == 0);
    }
    daytona_close(queue);
    daytona_close(client);
}

static void a_queue_closed_from_inside_its_callback_is_silent_afterwards(void)
{
    struct seen seen = {0};
    daytona_client_t client = echo_client();
    daytona_queue_t queue = callback_queue(options, on_event, &seen);
    seen.queue = queue;
    seen.close_self = 1;
    for (int i = 0; i < 20; i++)
        daytona_submit(client, "echo.delay", "{\"ms\":5}", NULL, 0, queue, 0, NULL, NULL);
    CHECK(becomes(&seen.events, 1));
    usleep(20000);
    CHECK(seen.events == 1);
    CHECK(daytona_close(queue) == 0);
    daytona_close(client);
}

static void a_stream_closed_from_inside_its_callback_is_silent_afterwards(void)
{
    struct seen seen = {0};
    daytona_client_t client = echo_client();
    daytona_queue_t queue = callback_queue(options, on_event, &seen);
    daytona_stream_t stream = open_stream(client, "{\"chunks\":3,\"delayMs\":20}", queue);
    seen.stream = stream;
    seen.close_self = 2;
    CHECK(becomes(&seen.events, 1) || seen.events > 1);
    int after = seen.events;
    usleep(100000);
    CHECK(seen.events <= after + 1 && seen.ended == 0);
    seen.close_self = 0;
    daytona_close(queue);
    daytona_close(client);
}

static int32_t takes_its_time(void *context, const daytona_event_t *event)
{
    (void)event;
    atomic_int *state = context;
    state[0] = 1;
    usleep(30000);
    state[0] = 2;
    state[1]++;
    return 0;
}

static void closing_waits_for_a_callback_on_another_thread_and_none_begins_afterwards(void)
{
    daytona_client_t client = echo_client();
    for (int i = 0; i < 10; i++) {
        atomic_int *context = calloc(2, sizeof *context);
        daytona_queue_t queue = callback_queue(options, takes_its_time, context);
        for (int k = 0; k < 5; k++)
            submit(client, "echo.value", "{}", queue, 0, NULL);
        while (!context[0])
            sched_yield();
        CHECK(daytona_close(queue) == 0);
        CHECK(context[0] == 2);
        free(context); /* valgrind sees a callback that comes late */
    }
    daytona_close(client);
}

static void closing_a_stream_waits_for_its_callback_on_another_thread(void)
{
    daytona_client_t client = echo_client();
    for (int i = 0; i < 10; i++) {
        atomic_int context[2] = {0};
        daytona_queue_t queue = callback_queue(options, takes_its_time, context);
        daytona_stream_t stream = open_stream(client, "{\"chunks\":100}", queue);
        while (!context[0])
            sched_yield();
        CHECK(daytona_close(stream) == 0);
        CHECK(context[0] == 2);
        int calls = context[1];
        usleep(2000);
        CHECK(context[1] == calls);
        daytona_close(queue);
    }
    daytona_close(client);
}

struct lingering {
    daytona_queue_t queue; /* what it closes, or else the stream of the event */
    atomic_int closed, over;
};

static int32_t closes_and_lingers(void *context, const daytona_event_t *event)
{
    struct lingering *lingering = context;
    daytona_close(lingering->queue ? lingering->queue : event->source);
    lingering->closed = 1;
    usleep(30000);
    lingering->over = 1;
    return 0;
}

static void closing_again_waits_for_the_callback_that_closed(void)
{
    daytona_client_t client = echo_client();
    for (int i = 0; i < 10; i++) {
        struct lingering *lingering = calloc(1, sizeof *lingering);
        daytona_queue_t queue = callback_queue(options, closes_and_lingers, lingering);
        if (i % 2)
            lingering->queue = queue;
        daytona_stream_t stream = open_stream(client, "{\"chunks\":1}", queue);
        CHECK(becomes(&lingering->closed, 1));
        CHECK(daytona_close(i % 2 ? queue : stream) == 0);
        CHECK(lingering->over);
        free(lingering); /* valgrind sees a callback that comes late */
        daytona_close(stream);
        daytona_close(queue);
    }
    daytona_close(client);
}

struct reader {
    daytona_stream_t stream;
    struct lingering lingering;
};

static void *reads_each(void *context)
{
    struct reader *reader = context;
    daytona_stream_each(reader->stream, closes_and_lingers, &reader->lingering, NULL, NULL);
    return NULL;
}

static void closing_again_waits_for_the_callback_of_each_that_closed(void)
{
    daytona_client_t client = echo_client();
    struct reader reader = {.stream = open_stream(client, "{\"chunks\":1}", 0)};
    pthread_t thread;
    CHECK(!pthread_create(&thread, NULL, reads_each, &reader));
    CHECK(becomes(&reader.lingering.closed, 1));
    CHECK(daytona_close(reader.stream) == 0);
    CHECK(reader.lingering.over);
    pthread_join(thread, NULL);
    daytona_close(client);
}

static void events_after_the_close_of_a_stream_do_not_come(void)
{
    daytona_client_t client = echo_client();
    for (int i = 0; i < 50; i++) {
        struct seen *seen = calloc(1, sizeof *seen);
        daytona_queue_t queue = callback_queue(options, on_event, seen);
        daytona_stream_t stream = open_stream(client, "{\"chunks\":1000}", queue);
        while (!seen->data)
            sched_yield();
        daytona_close(stream);
        int events = seen->events;
        usleep(1000);
        CHECK(seen->events == events);
        daytona_close(queue);
        free(seen);
    }
    daytona_close(client);
}

struct pair {
    daytona_queue_t other;
    atomic_int inside, *both;
    int32_t status;
    atomic_int over;
};

static int32_t closes_the_other(void *context, const daytona_event_t *event)
{
    struct pair *pair = context;
    (void)event;
    atomic_fetch_add(pair->both, 1);
    while (*pair->both < 2)
        sched_yield();
    pair->status = daytona_close(pair->other);
    pair->over = 1;
    return 0;
}

static void callbacks_that_close_each_others_queues_do_not_hang(void)
{
    daytona_client_t client = echo_client();
    for (int i = 0; i < 20; i++) {
        atomic_int both = 0;
        struct pair one = {.both = &both, .status = 9}, two = {.both = &both, .status = 9};
        daytona_queue_t first = callback_queue(NULL, closes_the_other, &one);
        daytona_queue_t second = callback_queue(NULL, closes_the_other, &two);
        one.other = second;
        two.other = first;
        submit(client, "echo.value", "{}", first, 0, NULL);
        submit(client, "echo.value", "{}", second, 0, NULL);
        CHECK(becomes(&one.over, 1) && becomes(&two.over, 1));
        CHECK(one.status == 0 && two.status == 0);
    }
    daytona_close(client);
}

static int32_t calls_the_library(void *context, const daytona_event_t *event)
{
    struct seen *seen = context;
    char *text = NULL;
    daytona_client_t client = event->user_data;
    daytona_stream_t stream;
    uint8_t bytes[64];
    size_t count;
    int right = daytona_call(client, "echo.value", "{\"in\":1}", NULL, 0, NULL, &text, NULL) == 0 && number(text, "/in") == 1;
    daytona_free(text);
    right = right && daytona_stream_open(client, "echo.stream", "{}", 0, 0, &stream, NULL) == 0;
    right = right && daytona_stream_read(stream, bytes, 64, -1, &count, NULL) == 0 && count == 16;
    right = right && daytona_close(stream) == 0;
    right = right && daytona_shutdown(0) == DAYTONA_BUSY;
    seen->done += right ? 1 : 1000;
    return 0;
}

static void a_callback_may_call_any_function(void)
{
    struct seen seen = {0};
    daytona_client_t client = echo_client();
    daytona_queue_t queue = callback_queue(NULL, calls_the_library, &seen);
    for (int i = 0; i < 20; i++)
        submit(client, "echo.value", "{}", queue, client, NULL);
    CHECK(becomes(&seen.done, 20));
    daytona_close(queue);
    daytona_close(client);
}

static int32_t takes_data(void *context, const daytona_event_t *event)
{
    struct seen *seen = context;
    char *data = NULL;
    if (event->kind == DAYTONA_DONE) {
        seen->held += daytona_event_take(event, &data) == 0 && data == (const char *)event->data && !strcmp(data, "{\"a\":1}");
        daytona_free(data);
        seen->done++;
    }
    return 0;
}

static void a_callback_may_take_its_events_data(void)
{
    struct seen seen = {0};
    daytona_client_t client = echo_client();
    daytona_queue_t queue = callback_queue(options, takes_data, &seen);
    for (int i = 0; i < 20; i++)
        submit(client, "echo.value", "{\"a\":1}", queue, 0, NULL);
    CHECK(becomes(&seen.done, 20) && seen.held == 20);
    daytona_close(queue);
    daytona_close(client);
}

struct closer {
    daytona_queue_t queue;
    pthread_t thread;
    int from_another_thread, data_at_end;
    atomic_int taken, over;
};

static void *close_the_queue(void *closer)
{
    daytona_close(((struct closer *)closer)->queue);
    return NULL;
}

static int32_t takes_after_the_close(void *context, const daytona_event_t *event)
{
    struct closer *closer = context;
    char *data = NULL;
    while (!closer->queue)
        sched_yield();
    if (closer->from_another_thread) {
        pthread_create(&closer->thread, NULL, close_the_queue, closer);
        while (daytona_queue_wake(closer->queue) != DAYTONA_INVALID_HANDLE)
            sched_yield();
    } else {
        daytona_close(closer->queue);
    }
    closer->data_at_end = event->data[event->len];
    closer->taken = daytona_event_take(event, &data) == 0 && data && !strcmp(data, "{\"a\":1}");
    char *again = NULL;
    closer->taken += daytona_event_take(event, &again) == DAYTONA_INVALID_ARGUMENT && !again;
    daytona_free(data);
    closer->over = 1;
    return 0;
}

static void an_event_is_valid_until_the_callback_returns_although_its_queue_was_closed(void)
{
    daytona_client_t client = echo_client();
    for (int i = 0; i < 20; i++) {
        struct closer closer = {.from_another_thread = i % 2};
        daytona_queue_t queue = callback_queue(options, takes_after_the_close, &closer);
        submit(client, "echo.value", "{\"a\":1}", queue, 0, NULL);
        closer.queue = queue;
        CHECK(becomes(&closer.over, 1) && closer.taken == 2 && closer.data_at_end == 0);
        if (closer.from_another_thread)
            pthread_join(closer.thread, NULL);
        daytona_close(queue);
    }
    daytona_close(client);
}

static void every_promise(void)
{
    RUN(an_event_is_valid_until_the_callback_returns_although_its_queue_was_closed);
    RUN(a_callback_runs_serially_for_every_event);
    RUN(data_held_back_is_offered_again_after_a_resume);
    RUN(a_resume_before_the_callback_returned_counts);
    RUN(closing_a_stream_whose_data_is_held_ends_its_events);
    RUN(data_that_is_held_back_by_the_closing_callback_takes_no_room);
    RUN(a_queue_closed_from_inside_its_callback_is_silent_afterwards);
    RUN(a_stream_closed_from_inside_its_callback_is_silent_afterwards);
    RUN(closing_waits_for_a_callback_on_another_thread_and_none_begins_afterwards);
    RUN(closing_a_stream_waits_for_its_callback_on_another_thread);
    RUN(closing_again_waits_for_the_callback_that_closed);
    RUN(events_after_the_close_of_a_stream_do_not_come);
    RUN(a_callback_may_take_its_events_data);
}

int main(void)
{
    every_promise();
    RUN(what_arrives_while_data_is_held_stays_in_order);
    RUN(callbacks_that_close_each_others_queues_do_not_hang);
    RUN(closing_again_waits_for_the_callback_of_each_that_closed);
    RUN(a_callback_may_call_any_function);
    options = "{\"inline\":true}";
    every_promise();
    return 0;
}
