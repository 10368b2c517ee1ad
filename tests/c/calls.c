/* Submitted and blocking calls: one DONE each, whatever happens. */
#include "check.h"
#include <poll.h>

static const char *const FOREVER = "{\"ms\":100000000}";

/* DONE of this call comes with this status, and no second event. */
static void ends_once(daytona_queue_t queue, daytona_call_t call, uint64_t user_data, int32_t status)
{
    daytona_event_t event = next(queue);
    CHECK(event.kind == DAYTONA_DONE && event.status == status);
    CHECK(event.source == call && event.user_data == user_data);
    CHECK(event.data && event.data[event.len] == 0);
    CHECK(status == 0 || number((const char *)event.data, "/status") == status);
    CHECK(is_quiet(queue));
}

static void a_submitted_call_ends_in_one_done_with_what_was_given(void)
{
    daytona_client_t client = echo_client();
    daytona_queue_t queue = new_queue(NULL);
    daytona_call_t call = 0;
    submit(client, "echo.value", "{\"a\": [1 ,2]}", queue, (1ull << 53) - 1, &call);
    CHECK(call != 0 && call < (1ull << 53));
    daytona_event_t event = next(queue);
    CHECK(event.kind == DAYTONA_DONE && event.status == 0 && event.source == call && event.result == 0);
    CHECK(event.user_data == (1ull << 53) - 1 && event.channel == DAYTONA_NONE);
    CHECK(!strcmp((const char *)event.data, "{\"a\": [1 ,2]}") && event.len == 13);
    CHECK(is_quiet(queue));
    submit(client, "echo.delay", "{\"ms\":1}", queue, 2, &call);
    event = next(queue);
    CHECK(event.len == 4 && !strcmp((const char *)event.data, "null"));
    CHECK(STATUS(daytona_submit(client, "echo.bytes", "{}", (const uint8_t *)"a\0b", 3, queue, 3, NULL, &out)) == 0);
    event = next(queue);
    CHECK(event.len == 3 && !memcmp(event.data, "a\0b\0", 4));
    submit(client, "echo.error", "{\"status\":404,\"code\":\"FILE_NOT_FOUND\"}", queue, 4, &call);
    ends_once(queue, call, 4, DAYTONA_HTTP_NOT_FOUND);
    daytona_close(queue);
    daytona_close(client);
}

static void a_handle_result_arrives_in_done_and_is_the_callers(void)
{
    daytona_client_t client = echo_client();
    daytona_queue_t queue = new_queue(NULL);
    submit(client, "echo.handle", "{\"b\":2}", queue, 0, NULL);
    daytona_event_t event = next(queue);
    CHECK(event.status == 0 && event.result != 0 && !strcmp((const char *)event.data, "{\"b\":2}"));
    daytona_sandbox_t sandbox = event.result;
    CHECK(STATUS(daytona_call(sandbox, "echo.value", "{}", NULL, 0, NULL, &out, &out_len)) == 0);
    daytona_close(queue);
    CHECK(STATUS(daytona_call(sandbox, "echo.value", "{}", NULL, 0, NULL, &out, &out_len)) == 0);
    CHECK(daytona_close(sandbox) == 0);
    daytona_close(client);
}

static void a_cancelled_call_still_completes_once(void)
{
    daytona_client_t client = echo_client();
    daytona_queue_t queue = new_queue(NULL);
    daytona_call_t call;
    submit(client, "echo.delay", FOREVER, queue, 5, &call);
    CHECK(daytona_cancel(call) == 0 && daytona_cancel(call) == 0);
    ends_once(queue, call, 5, DAYTONA_CANCELLED);
    CHECK(daytona_cancel(call) == 0 && daytona_cancel(0) == 0);
    CHECK(daytona_close(call) == 0);
    CHECK(daytona_cancel(queue) == DAYTONA_INVALID_HANDLE && daytona_cancel(77) == DAYTONA_INVALID_HANDLE);
    daytona_close(queue);
    daytona_close(client);
}

static void a_cancel_changes_nothing_once_the_result_is_in(void)
{
    daytona_client_t client = echo_client();
    daytona_queue_t queue = new_queue(NULL);
    daytona_call_t call;
    int64_t fd;
    CHECK(daytona_queue_fd(queue, &fd) == 0);
    for (int i = 0; i < 20; i++) {
        submit(client, "echo.value", "{}", queue, 1, &call);
        struct pollfd in = {.fd = (int)fd, .events = POLLIN};
        CHECK(poll(&in, 1, 20000) == 1);
        CHECK(daytona_cancel(call) == 0);
        daytona_event_t event = next(queue);
        CHECK(event.source == call && event.status == 0 && !strcmp((const char *)event.data, "{}"));
    }
    close((int)fd);
    daytona_close(queue);
    daytona_close(client);
}

static void closing_a_client_ends_its_calls_with_closed(void)
{
    daytona_client_t client = echo_client(), other = echo_client();
    daytona_queue_t queue = new_queue(NULL);
    daytona_call_t call, kept;
    submit(client, "echo.delay", FOREVER, queue, 6, &call);
    submit(other, "echo.delay", FOREVER, queue, 7, &kept);
    CHECK(daytona_close(client) == 0);
    ends_once(queue, call, 6, DAYTONA_CLOSED);
    CHECK(STATUS(daytona_submit(client, "echo.value", "{}", NULL, 0, queue, 0, &call, &out)) == DAYTONA_INVALID_HANDLE);
    CHECK(call == 0);
    CHECK(daytona_cancel(kept) == 0);
    ends_once(queue, kept, 7, DAYTONA_CANCELLED);
    daytona_close(queue);
    daytona_close(other);
}

static atomic_int blocked, came_late;

static void *block(void *client)
{
    char *error = NULL;
    int32_t status = daytona_call(*(daytona_client_t *)client, "echo.delay", FOREVER, NULL, 0, NULL, &error, NULL);
    int right = status == DAYTONA_CLOSED && error && number(error, "/status") == DAYTONA_CLOSED;
    daytona_free(error);
    if (status == DAYTONA_INVALID_HANDLE)
        atomic_fetch_add(&came_late, 1);
    else
        atomic_fetch_add(&blocked, right ? 1 : 100);
    return NULL;
}

static void closing_a_client_ends_blocking_calls_of_other_threads(void)
{
    /* Nothing tells that a thread is inside its call: where one was not yet, it is done again with more time. */
    for (unsigned wait_us = 30000; blocked != 4; wait_us *= 2) {
        daytona_client_t client = echo_client();
        pthread_t threads[4];
        blocked = came_late = 0;
        for (int i = 0; i < 4; i++)
            CHECK(!pthread_create(&threads[i], NULL, block, &client));
        usleep(wait_us);
        CHECK(daytona_close(client) == 0);
        for (int i = 0; i < 4; i++)
            pthread_join(threads[i], NULL);
        CHECK(blocked + came_late == 4);
    }
}

static void a_panic_is_a_status_and_the_library_goes_on(void)
{
    daytona_client_t client = echo_client();
    daytona_queue_t queue = new_queue(NULL);
    daytona_call_t call;
    CHECK(STATUS(daytona_call(client, "echo.panic", "{}", NULL, 0, NULL, &out, &out_len)) == DAYTONA_PANIC);
    CHECK(says("panic") && number(out, "/status") == DAYTONA_PANIC);
    for (int i = 0; i < 50; i++) {
        submit(client, "echo.panic", "{}", queue, 8, &call);
        daytona_event_t event = next(queue);
        CHECK(event.kind == DAYTONA_DONE && event.status == DAYTONA_PANIC && event.source == call);
    }
    CHECK(STATUS(daytona_call(client, "echo.value", "{}", NULL, 0, NULL, &out, &out_len)) == 0);
    daytona_close(queue);
    daytona_close(client);
}

static void a_closed_call_is_cancelled_and_forgotten(void)
{
    daytona_client_t client = echo_client();
    daytona_queue_t queue = new_queue("{\"capacityCalls\":1}");
    daytona_call_t call;
    for (int i = 0; i < 100; i++) {
        submit(client, i % 2 ? "echo.value" : "echo.delay", i % 2 ? "{}" : FOREVER, queue, 9, &call);
        if (i % 3 == 0)
            usleep(500);
        CHECK(daytona_close(call) == 0);
        CHECK(daytona_cancel(call) == 0 && daytona_close(call) == 0);
    }
    CHECK(is_quiet(queue));
    daytona_close(queue);
    daytona_close(client);
}

static void submit_answers_queue_full_at_the_capacity_and_goes_on_after_delivery(void)
{
    daytona_client_t client = echo_client();
    daytona_queue_t queue = new_queue("{\"capacityCalls\":3}");
    daytona_call_t call = 7;
    daytona_stream_t stream = 7;
    for (int i = 0; i < 3; i++)
        submit(client, "echo.value", "{}", queue, 0, NULL);
    CHECK(STATUS(daytona_submit(client, "echo.value", "{}", NULL, 0, queue, 0, &call, &out)) == DAYTONA_QUEUE_FULL);
    CHECK(call == 0 && says("capacityCalls"));
    CHECK(STATUS(daytona_stream_open(client, "echo.stream", "{}", queue, 0, &stream, &out)) == DAYTONA_QUEUE_FULL && stream == 0);
    next(queue);
    stream = open_stream(client, "{\"echo\":true}", queue);
    CHECK(STATUS(daytona_submit(client, "echo.value", "{}", NULL, 0, queue, 0, NULL, &out)) == DAYTONA_QUEUE_FULL);
    daytona_close(stream);
    submit(client, "echo.value", "{}", queue, 0, NULL);
    for (int i = 0; i < 3; i++)
        CHECK(next(queue).kind == DAYTONA_DONE);
    CHECK(is_quiet(queue));
    daytona_close(queue);
    daytona_close(client);
}

static void a_thousand_calls_are_in_flight_on_one_thread(void)
{
    daytona_client_t client = echo_client();
    daytona_queue_t queue = new_queue(NULL);
    static int seen[1000];
    memset(seen, 0, sizeof seen);
    for (uint64_t i = 0; i < 1000; i++)
        submit(client, "echo.delay", "{\"ms\":20}", queue, i, NULL);
    size_t count = 0;
    for (size_t done = 0; done < 1000; done += count) {
        daytona_event_t events[64];
        CHECK(daytona_queue_next(queue, events, 64, -1, &count) == 0 && count <= 64);
        for (size_t k = 0; k < count; k++)
            CHECK(events[k].user_data < 1000 && seen[events[k].user_data]++ == 0);
    }
    CHECK(is_quiet(queue));
    daytona_close(queue);
    daytona_close(client);
}

#define RACED 300
static daytona_call_t raced[RACED];
static atomic_int begin_race;

static void *cancel_all(void *closes)
{
    while (!begin_race)
        sched_yield();
    for (int i = 0; i < RACED; i++)
        if ((closes ? daytona_close : daytona_cancel)(raced[i]))
            exit(9);
    return NULL;
}

static void many_threads_that_cancel_at_once_make_one_done_each(void)
{
    daytona_client_t client = echo_client();
    daytona_queue_t queue = new_queue(NULL);
    pthread_t threads[4];
    int seen[RACED] = {0};
    begin_race = 0;
    for (int i = 0; i < RACED; i++)
        submit(client, i % 2 ? "echo.delay" : "echo.value", i % 2 ? FOREVER : "{}", queue, (uint64_t)i, &raced[i]);
    for (int i = 0; i < 4; i++)
        CHECK(!pthread_create(&threads[i], NULL, cancel_all, NULL));
    begin_race = 1;
    for (int i = 0; i < RACED; i++) {
        daytona_event_t event = next(queue);
        CHECK(event.kind == DAYTONA_DONE && seen[event.user_data]++ == 0);
        CHECK(event.status == DAYTONA_CANCELLED || (event.status == 0 && event.user_data % 2 == 0));
    }
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    CHECK(is_quiet(queue));
    daytona_close(queue);
    daytona_close(client);
}

static void a_close_that_races_the_delivery_makes_one_done_at_most(void)
{
    daytona_client_t client = echo_client();
    daytona_queue_t queue = new_queue("{\"capacityCalls\":300}");
    int seen[RACED] = {0};
    pthread_t thread;
    begin_race = 0;
    for (int i = 0; i < RACED; i++)
        submit(client, "echo.value", "{}", queue, (uint64_t)i, &raced[i]);
    CHECK(!pthread_create(&thread, NULL, cancel_all, (void *)1));
    begin_race = 1;
    daytona_event_t event;
    size_t count;
    while (daytona_queue_next(queue, &event, 1, 50, &count) == 0)
        CHECK(seen[event.user_data]++ == 0);
    pthread_join(thread, NULL);
    /* Every place is free again. */
    for (int i = 0; i < RACED; i++)
        submit(client, "echo.value", "{}", queue, (uint64_t)i, NULL);
    for (int i = 0; i < RACED; i++)
        next(queue);
    CHECK(is_quiet(queue));
    daytona_close(queue);
    daytona_close(client);
}

static void closing_a_queue_cancels_what_reports_to_it_and_closes_undelivered_results(void)
{
    daytona_client_t client = echo_client();
    daytona_queue_t queue = new_queue(NULL);
    daytona_call_t call;
    for (int i = 0; i < 20; i++)
        submit(client, "echo.handle", "{}", queue, 0, &call);
    submit(client, "echo.delay", FOREVER, queue, 0, &call);
    usleep(20000);
    CHECK(daytona_close(queue) == 0);
    CHECK(daytona_cancel(call) == 0 && daytona_close(call) == 0);
    CHECK(STATUS(daytona_submit(client, "echo.value", "{}", NULL, 0, queue, 0, NULL, &out)) == DAYTONA_INVALID_HANDLE);
    daytona_close(client);
}

static void timeout_ms_ends_a_call_and_zero_is_no_limit(void)
{
    daytona_client_t client = echo_client();
    CHECK(STATUS(daytona_call(client, "echo.delay", "{\"ms\":100000,\"timeoutMs\":20}", NULL, 0, NULL, &out, &out_len)) == DAYTONA_TIMEOUT);
    CHECK(says("20 ms") && says("timeoutMs"));
    CHECK(STATUS(daytona_call(client, "echo.delay", "{\"ms\":30,\"timeoutMs\":0}", NULL, 0, NULL, &out, &out_len)) == 0);
    daytona_close(client);
}

static void echo_value_gives_back_every_byte_of_its_parameters(void)
{
    daytona_client_t client = echo_client();
    const char *const written[] = {
        "{\"b\":1,\"a\":2}", "{\"n\": 123456789012345678901234567890, \"m\":-0, \"x\":1.50e+2}", "{\"a\":1,\"a\":2}",
        "{\"t\":\"\\u0041\\u0000\\/\xc3\xa9\"}", "{\"timeoutMs\":5000}", "{ }",
    };
    for (size_t i = 0; i < sizeof written / sizeof *written; i++)
        CHECK(STATUS(daytona_call(client, "echo.value", written[i], NULL, 0, NULL, &out, &out_len)) == 0 &&
              !strcmp(out, written[i]) && out_len == strlen(written[i]));
    daytona_close(client);
}

static void a_time_limit_that_is_none_is_an_invalid_argument_that_names_it(void)
{
    daytona_client_t client = echo_client();
    const char *const limits[] = {"-1", "1.5", "\"5\"", "true", "18446744073709551616", "[1]"};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        char params[80];
        snprintf(params, sizeof params, "{\"timeoutMs\":%s}", limits[i]);
        CHECK(STATUS(daytona_call(client, "echo.value", params, NULL, 0, NULL, &out, NULL)) == DAYTONA_INVALID_ARGUMENT && says("timeoutMs"));
        snprintf(params, sizeof params, "{\"ms\":1,\"timeoutMs\":%s}", limits[i]);
        CHECK(STATUS(daytona_call(client, "echo.delay", params, NULL, 0, NULL, &out, NULL)) == DAYTONA_INVALID_ARGUMENT && says("timeoutMs"));
    }
    daytona_close(client);
}

static void a_failure_has_a_status_of_a_failure(void)
{
    daytona_client_t client = echo_client();
    const char *const none[] = {"0", "-1", "100", "399", "600", "2147483648", "\"404\""};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        char params[80];
        snprintf(params, sizeof params, "{\"status\":%s}", none[i]);
        CHECK(STATUS(daytona_call(client, "echo.error", params, NULL, 0, NULL, &out, NULL)) == DAYTONA_INVALID_ARGUMENT && says("status"));
    }
    daytona_close(client);
}

static void the_error_json_has_every_key(void)
{
    daytona_client_t client = echo_client();
    CHECK(STATUS(daytona_call(client, "echo.error",
        "{\"status\":429,\"message\":\"slow down\",\"code\":\"RATE\",\"source\":\"DAYTONA_API\",\"retryable\":true,\"retryAfterMs\":1500,"
        "\"requestId\":\"r-1\",\"attempts\":3,\"sandboxId\":\"s-1\",\"headers\":{\"retry-after\":\"2\"}}",
        NULL, 0, NULL, &out, &out_len)) == DAYTONA_HTTP_RATE_LIMIT);
    CHECK(out_len == strlen(out));
    CHECK(number(out, "/status") == 429 && number(out, "/httpStatus") == 429 && number(out, "/retryAfterMs") == 1500 && number(out, "/attempts") == 3);
    const char *texts[][2] = {{"/message", "slow down"}, {"/code", "RATE"}, {"/source", "DAYTONA_API"}, {"/operation", "echo.error"},
                             {"/requestId", "r-1"}, {"/sandboxId", "s-1"}, {"/headers/retry-after", "2"}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char *text;
        CHECK(daytona_json_text(out, texts[i][0], &text, NULL) == 0 && !strcmp(text, texts[i][1]));
        daytona_free(text);
    }
    char *name;
    CHECK(daytona_json_text(out, "/name", &name, NULL) == 0 && !strcmp(name, daytona_status_name(429)));
    daytona_free(name);
    int32_t retryable = 0;
    CHECK(daytona_json_bool(out, "/retryable", &retryable) == 0 && retryable == 1);
    CHECK(STATUS(daytona_call(client, "echo.delay", "{\"ms\":100000,\"timeoutMs\":1}", NULL, 0, NULL, &out, &out_len)) == DAYTONA_TIMEOUT);
    const char *keys[] = {"status", "name", "message", "code", "source", "operation", "httpStatus", "requestId", "retryable", "retryAfterMs", "attempts", "sandboxId"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        char key[40];
        snprintf(key, sizeof key, "\"%s\":", keys[i]);
        CHECK(strstr(out, key));
    }
    daytona_close(client);
}

int main(void)
{
    RUN(a_submitted_call_ends_in_one_done_with_what_was_given);
    RUN(a_handle_result_arrives_in_done_and_is_the_callers);
    RUN(a_cancelled_call_still_completes_once);
    RUN(a_cancel_changes_nothing_once_the_result_is_in);
    RUN(closing_a_client_ends_its_calls_with_closed);
    RUN(closing_a_client_ends_blocking_calls_of_other_threads);
    RUN(a_panic_is_a_status_and_the_library_goes_on);
    RUN(a_closed_call_is_cancelled_and_forgotten);
    RUN(submit_answers_queue_full_at_the_capacity_and_goes_on_after_delivery);
    RUN(a_thousand_calls_are_in_flight_on_one_thread);
    RUN(many_threads_that_cancel_at_once_make_one_done_each);
    RUN(a_close_that_races_the_delivery_makes_one_done_at_most);
    RUN(closing_a_queue_cancels_what_reports_to_it_and_closes_undelivered_results);
    RUN(timeout_ms_ends_a_call_and_zero_is_no_limit);
    RUN(echo_value_gives_back_every_byte_of_its_parameters);
    RUN(a_time_limit_that_is_none_is_an_invalid_argument_that_names_it);
    RUN(a_failure_has_a_status_of_a_failure);
    RUN(the_error_json_has_every_key);
    return 0;
}
