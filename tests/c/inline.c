/* Inline callbacks: what they may not call, what they may, and who waits for whom. */
#include "check.h"

static daytona_client_t client;
static daytona_queue_t queue, plain;
static daytona_stream_t pulled, writable;
static atomic_int events, failures, done, step, gate, at_gate;

#define EXPECT(condition)                                                                                    \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%d: %s: broken inside the callback: %s\n", __LINE__, promise, #condition);      \
            failures++;                                                                                      \
        }                                                                                                    \
    } while (0)

static int32_t tries_everything(void *context, const daytona_event_t *event)
{
    char *text = NULL;
    uint8_t byte = 1;
    size_t count;
    uint64_t handle = 7;
    daytona_event_t other;
    (void)context;
    if (event->user_data != 1) {
        done++;
        return 0;
    }
    EXPECT(daytona_call(client, "echo.value", "{}", NULL, 0, NULL, &text, NULL) == DAYTONA_BUSY);
    EXPECT(text && number(text, "/status") == DAYTONA_BUSY);
    daytona_free(text);
    EXPECT(daytona_client_config(client, NULL, NULL, NULL) == DAYTONA_BUSY);
    EXPECT(daytona_sandbox_list(client, NULL, NULL, NULL) == DAYTONA_BUSY);
    EXPECT(daytona_stream_open(client, "echo.stream", "{}", 0, 0, &handle, NULL) == DAYTONA_BUSY && handle == 0);
    EXPECT(daytona_stream_each(pulled, tries_everything, NULL, NULL, NULL) == DAYTONA_BUSY);
    EXPECT(daytona_shutdown(0) == DAYTONA_BUSY);
    EXPECT(daytona_queue_next(plain, &other, 1, 1, &count) == DAYTONA_BUSY);
    EXPECT(daytona_queue_next(plain, &other, 1, -1, &count) == DAYTONA_BUSY);
    EXPECT(daytona_stream_read(pulled, &byte, 1, 5, &count, NULL) == DAYTONA_BUSY);
    EXPECT(daytona_stream_write(writable, &byte, 1, -1, &count, NULL) == DAYTONA_BUSY);
    EXPECT(daytona_stream_result(pulled, 5, NULL, NULL) == DAYTONA_BUSY);
    /* Everything else works. */
    EXPECT(daytona_queue_next(plain, &other, 1, 0, &count) == DAYTONA_TIMEOUT);
    EXPECT(daytona_stream_read(pulled, &byte, 1, 0, &count, NULL) == 0 && byte == 'a');
    EXPECT(daytona_stream_write(writable, &byte, 1, 0, &count, NULL) == 0 && count == 1);
    EXPECT(daytona_stream_result(pulled, 0, NULL, NULL) == DAYTONA_BUSY); /* unread data */
    EXPECT(daytona_stream_finish(writable, NULL) == 0);
    EXPECT(daytona_submit(client, "echo.value", "{}", NULL, 0, queue, 2, &handle, NULL) == 0 && handle != 0);
    EXPECT(daytona_cancel(handle) == 0);
    EXPECT(daytona_stream_open(client, "echo.stream", "{}", queue, 3, &handle, NULL) == 0);
    EXPECT(daytona_stream_resume(handle) == 0);
    EXPECT(daytona_close(handle) == 0);
    EXPECT(daytona_queue_open(NULL, &handle, NULL) == 0 && daytona_queue_wake(handle) == 0);
    int64_t fd;
    EXPECT(daytona_queue_fd(handle, &fd) == 0 && close((int)fd) == 0);
    EXPECT(daytona_close(handle) == 0);
    EXPECT(daytona_queue_open_callback("{\"inline\":true}", tries_everything, NULL, &handle, NULL) == 0);
    EXPECT(daytona_close(handle) == 0);
    EXPECT(daytona_echo_open(NULL, &handle, NULL) == 0 && daytona_close(handle) == 0);
    EXPECT(daytona_json_quote("x", 1, &text) == 0);
    daytona_free(text);
    EXPECT(daytona_event_take(event, &text) == 0 && text);
    daytona_free(text);
    EXPECT(daytona_log(DAYTONA_LOG_OFF, 0, 0) == 0);
    events++;
    return 0;
}

static daytona_queue_t inline_queue(daytona_callback_t callback, void *context)
{
    daytona_queue_t made;
    CHECK(STATUS(daytona_queue_open_callback("{\"inline\":true}", callback, context, &made, &out)) == 0 && made);
    return made;
}

static void what_waits_is_busy_and_everything_else_works(void)
{
    for (int on_this_thread = 0; on_this_thread < 2; on_this_thread++) {
        events = done = 0;
        client = echo_client();
        plain = new_queue(NULL);
        queue = inline_queue(tries_everything, NULL);
        pulled = open_stream(client, "{\"chunks\":2}", 0);
        writable = open_stream(client, "{\"echo\":true}", 0);
        submit(client, "echo.value", "{}", queue, 1, NULL);
        if (on_this_thread)
            CHECK(STATUS(daytona_call(client, "echo.delay", "{\"ms\":50}", NULL, 0, NULL, &out, &out_len)) == 0);
        CHECK(becomes(&events, 1) && becomes(&done, 1));
        CHECK(failures == 0);
        daytona_close(pulled);
        daytona_close(writable);
        daytona_close(queue);
        daytona_close(plain);
        daytona_close(client);
    }
}

static int32_t submits_again(void *context, const daytona_event_t *event)
{
    (void)context;
    if (event->user_data > 0)
        daytona_submit(client, "echo.value", "{}", NULL, 0, queue, event->user_data - 1, NULL, NULL);
    else
        done++;
    return 0;
}

static void a_chain_of_submits_from_inside_goes_on_without_anybody_else(void)
{
    done = 0;
    client = echo_client();
    queue = inline_queue(submits_again, NULL);
    for (int i = 0; i < 10; i++)
        submit(client, "echo.value", "{}", queue, 1000, NULL);
    CHECK(becomes(&done, 10));
    daytona_close(queue);
    daytona_close(client);
}

static int32_t sticks(void *context, const daytona_event_t *event)
{
    (void)context;
    (void)event;
    at_gate = 1;
    while (gate)
        usleep(1000);
    at_gate = 2;
    return 0;
}

static int32_t closes_a_queue(void *context, const daytona_event_t *event)
{
    (void)event;
    step = daytona_close(*(daytona_queue_t *)context) == 0 ? 1 : 100;
    step += at_gate == 1 ? 1 : 1000; /* that callback still runs */
    return 0;
}

static void close_does_not_wait_inside_an_inline_callback(void)
{
    client = echo_client();
    daytona_queue_t busy;
    gate = 1;
    at_gate = step = 0;
    CHECK(STATUS(daytona_queue_open_callback(NULL, sticks, NULL, &busy, &out)) == 0);
    queue = inline_queue(closes_a_queue, &busy);
    submit(client, "echo.value", "{}", busy, 0, NULL);
    CHECK(becomes(&at_gate, 1));
    submit(client, "echo.value", "{}", queue, 0, NULL);
    CHECK(becomes(&step, 2));
    gate = 0;
    CHECK(becomes(&at_gate, 2));
    daytona_close(queue);
    daytona_close(client);
}

static atomic_int short_call, long_call;

/* On a sandbox of the client: also where the client is closed before the call has begun, it ends with CLOSED. */
static void *call_long(void *sandbox)
{
    long_call = 1;
    int32_t status = daytona_call(*(daytona_sandbox_t *)sandbox, "echo.delay", "{\"ms\":100000000}", NULL, 0, NULL, NULL, NULL);
    long_call = 1000 + status;
    return NULL;
}

static daytona_sandbox_t sandbox_of_the_client(void)
{
    daytona_sandbox_t sandbox;
    CHECK(STATUS(daytona_call(client, "echo.handle", "{}", NULL, 0, &sandbox, &out, &out_len)) == 0);
    return sandbox;
}

static void *call_short(void *unused)
{
    short_call = 1;
    for (int i = 0; i < 10; i++)
        if (daytona_call(client, "echo.value", "{}", NULL, 0, NULL, NULL, NULL))
            exit(6);
    short_call = 2;
    return unused;
}

static void a_short_call_does_not_wait_for_a_long_one_that_came_first(void)
{
    /* Both come while the library's thread drives, and cannot leave its callback yet. */
    pthread_t first, second;
    client = echo_client();
    daytona_sandbox_t sandbox = sandbox_of_the_client();
    gate = 1;
    at_gate = 0;
    queue = inline_queue(sticks, NULL);
    submit(client, "echo.value", "{}", queue, 0, NULL);
    CHECK(becomes(&at_gate, 1));
    CHECK(!pthread_create(&first, NULL, call_long, &sandbox) && becomes(&long_call, 1));
    usleep(20000);
    CHECK(!pthread_create(&second, NULL, call_short, NULL));
    while (!short_call) /* 2 already, where the callback took longer than the library waits for one */
        usleep(1000);
    usleep(20000);
    gate = 0;
    CHECK(becomes(&short_call, 2));
    CHECK(long_call == 1);
    daytona_close(client);
    pthread_join(first, NULL);
    pthread_join(second, NULL);
    CHECK(long_call == 1000 + DAYTONA_CLOSED);
    daytona_close(sandbox);
    daytona_close(queue);
}

static void other_threads_go_on_while_a_callback_does_not_return(void)
{
    pthread_t thread;
    for (int on_this_thread = 0; on_this_thread < 2; on_this_thread++) {
        client = echo_client();
        daytona_sandbox_t sandbox = sandbox_of_the_client();
        plain = new_queue(NULL);
        gate = 1;
        at_gate = short_call = long_call = done = 0;
        queue = inline_queue(sticks, NULL);
        if (on_this_thread)
            CHECK(!pthread_create(&thread, NULL, call_long, &sandbox) && becomes(&long_call, 1));
        submit(client, "echo.value", "{}", queue, 0, NULL);
        CHECK(becomes(&at_gate, 1));
        /* The thread that drives is inside the callback. */
        CHECK(STATUS(daytona_call(client, "echo.delay", "{\"ms\":1}", NULL, 0, NULL, &out, NULL)) == 0);
        submit(client, "echo.delay", "{\"ms\":1}", plain, 0, NULL);
        CHECK(next(plain).status == 0);
        pulled = open_stream(client, "{\"chunks\":2,\"delayMs\":1}", 0);
        CHECK(STATUS(daytona_stream_result(pulled, 0, &out, NULL)) != 0);
        daytona_close(pulled);
        /* Inline callbacks never run at the same time. */
        submit(client, "echo.value", "{}", queue, 0, NULL);
        CHECK(STATUS(daytona_call(client, "echo.delay", "{\"ms\":20}", NULL, 0, NULL, &out, NULL)) == 0);
        CHECK(at_gate == 1);
        gate = 0;
        CHECK(becomes(&at_gate, 2));
        submit(client, "echo.delay", "{\"ms\":1}", plain, 0, NULL);
        CHECK(next(plain).status == 0);
        daytona_close(client);
        if (on_this_thread) {
            pthread_join(thread, NULL);
            CHECK(long_call == 1000 + DAYTONA_CLOSED);
        }
        daytona_close(sandbox);
        daytona_close(queue);
        daytona_close(plain);
        CHECK(daytona_shutdown(-1) == 0);
    }
}

int main(void)
{
    RUN(other_threads_go_on_while_a_callback_does_not_return);
    RUN(what_waits_is_busy_and_everything_else_works);
    RUN(a_chain_of_submits_from_inside_goes_on_without_anybody_else);
    RUN(close_does_not_wait_inside_an_inline_callback);
    RUN(a_short_call_does_not_wait_for_a_long_one_that_came_first);
    return 0;
}
