/* Handles: checked, never dereferenced. */
#include "check.h"

static void a_handle_fits_in_a_javascript_number(void)
{
    daytona_client_t client = echo_client();
    daytona_queue_t queue = new_queue(NULL);
    CHECK(client < (1ull << 53) && queue < (1ull << 53));
    CHECK(daytona_close(client) == 0 && daytona_close(queue) == 0);
}

static void closing_zero_or_twice_is_quiet(void)
{
    daytona_client_t client = echo_client();
    CHECK(daytona_close(0) == DAYTONA_OK);
    CHECK(daytona_close(client) == DAYTONA_OK);
    CHECK(daytona_close(client) == DAYTONA_OK);
}

static void a_value_that_was_never_a_handle_is_invalid(void)
{
    daytona_client_t client = echo_client();
    uint64_t values[] = {1, 12345, client + 1, client + (1ull << 26), UINT64_MAX, 1ull << 53, 6ull << 50};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        CHECK(daytona_close(values[i]) == DAYTONA_INVALID_HANDLE);
        CHECK(STATUS(daytona_call(values[i], "echo.value", "{}", NULL, 0, NULL, &out, &out_len)) ==
              DAYTONA_INVALID_HANDLE);
        CHECK(number(out, "/status") == DAYTONA_INVALID_HANDLE);
    }
    daytona_close(client);
}

static void a_stale_handle_is_invalid_also_when_its_slot_lives_again(void)
{
    daytona_queue_t stale = new_queue(NULL), fresh;
    size_t count;
    daytona_event_t event;
    daytona_close(stale);
    fresh = new_queue(NULL);
    CHECK(fresh != stale);
    CHECK(daytona_queue_next(stale, &event, 1, 0, &count) == DAYTONA_INVALID_HANDLE);
    CHECK(daytona_queue_wake(stale) == DAYTONA_INVALID_HANDLE);
    CHECK(daytona_queue_next(fresh, &event, 1, 0, &count) == DAYTONA_TIMEOUT);
    daytona_close(fresh);
}

static void a_handle_of_another_type_is_invalid_everywhere(void)
{
    daytona_client_t client = echo_client();
    daytona_queue_t queue = new_queue(NULL);
    daytona_stream_t stream = open_stream(client, "{\"chunks\":0}", 0);
    daytona_event_t event;
    uint8_t byte;
    size_t count;
    int64_t fd;
    CHECK(STATUS(daytona_call(queue, "echo.value", "{}", NULL, 0, NULL, &out, &out_len)) == DAYTONA_INVALID_HANDLE);
    CHECK(STATUS(daytona_submit(client, "echo.value", "{}", NULL, 0, client, 0, NULL, &out)) == DAYTONA_INVALID_HANDLE);
    CHECK(STATUS(daytona_stream_open(client, "echo.stream", "{}", client, 0, &stream, &out)) == DAYTONA_INVALID_HANDLE);
    CHECK(stream == 0);
    CHECK(daytona_cancel(client) == DAYTONA_INVALID_HANDLE);
    CHECK(daytona_queue_next(client, &event, 1, 0, &count) == DAYTONA_INVALID_HANDLE);
    CHECK(daytona_queue_wake(client) == DAYTONA_INVALID_HANDLE);
    CHECK(daytona_queue_fd(client, &fd) == DAYTONA_INVALID_HANDLE);
    CHECK(daytona_stream_read(queue, &byte, 1, 0, &count, NULL) == DAYTONA_INVALID_HANDLE);
    CHECK(STATUS(daytona_stream_result(queue, 0, &out, NULL)) == DAYTONA_INVALID_HANDLE);
    CHECK(STATUS(daytona_stream_write(queue, &byte, 1, 0, &count, &out)) == DAYTONA_INVALID_HANDLE);
    CHECK(STATUS(daytona_stream_finish(queue, &out)) == DAYTONA_INVALID_HANDLE);
    CHECK(daytona_stream_resume(queue) == DAYTONA_INVALID_HANDLE);
    CHECK(daytona_log(DAYTONA_LOG_DEBUG, client, 0) == DAYTONA_INVALID_HANDLE);
    daytona_close(client);
    daytona_close(queue);
}

static void an_operation_on_the_wrong_kind_of_handle_is_invalid(void)
{
    daytona_client_t client = echo_client();
    daytona_sandbox_t sandbox;
    CHECK(STATUS(daytona_call(client, "process.execute", "{\"command\":\"x\"}", NULL, 0, NULL, &out, &out_len)) ==
          DAYTONA_INVALID_HANDLE);
    CHECK(STATUS(daytona_call(client, "sandbox.list", "{}", NULL, 0, NULL, &out, &out_len)) == DAYTONA_INVALID_HANDLE);
    CHECK(STATUS(daytona_call(client, "echo.handle", "{\"a\":1}", NULL, 0, &sandbox, &out, &out_len)) == DAYTONA_OK);
    CHECK(sandbox != 0 && !strcmp(out, "{\"a\":1}") && out_len == 7);
    CHECK(STATUS(daytona_call(sandbox, "echo.value", "{}", NULL, 0, NULL, &out, &out_len)) == DAYTONA_OK);
    CHECK(STATUS(daytona_call(sandbox, "process.execute", "{\"command\":\"x\"}", NULL, 0, NULL, &out, &out_len)) ==
          DAYTONA_INVALID_HANDLE);
    daytona_queue_t queue = new_queue(NULL);
    CHECK(STATUS(daytona_process_execute(0, "x", NULL, &out, NULL)) == DAYTONA_INVALID_HANDLE);
    CHECK(strstr(out, "0 is not a sandbox handle"));
    CHECK(STATUS(daytona_process_execute(queue, "x", NULL, &out, NULL)) == DAYTONA_INVALID_HANDLE);
    CHECK(strstr(out, "a sandbox handle is needed, this is a queue handle"));
    daytona_close(queue);
    daytona_close(client);
    CHECK(STATUS(daytona_call(sandbox, "echo.value", "{}", NULL, 0, NULL, &out, &out_len)) == DAYTONA_CLOSED);
    CHECK(daytona_close(sandbox) == DAYTONA_OK);
    CHECK(STATUS(daytona_call(sandbox, "echo.value", "{}", NULL, 0, NULL, &out, &out_len)) == DAYTONA_INVALID_HANDLE);
}

static void a_stream_that_does_not_open_keeps_no_handle(void)
{
    enum { REFUSED = 100, SLOT_SHIFT = 26, SLOT_MASK = (1 << 24) - 1 };
    daytona_client_t closed = echo_client(), client = echo_client();
    daytona_sandbox_t sandbox;
    daytona_stream_t before = open_stream(client, "{\"chunks\":0}", 0), stream;
    CHECK(STATUS(daytona_call(closed, "echo.handle", "{}", NULL, 0, &sandbox, &out, &out_len)) == DAYTONA_OK);
    daytona_close(closed);
    for (int i = 0; i < REFUSED; i++) {
        CHECK(STATUS(daytona_stream_open(sandbox, "echo.stream", "{}", 0, 0, &stream, &out)) == DAYTONA_CLOSED);
        CHECK(stream == 0);
    }
    /* What was refused would have taken a slot each. */
    stream = open_stream(client, "{\"chunks\":0}", 0);
    CHECK((stream >> SLOT_SHIFT & SLOT_MASK) == (before >> SLOT_SHIFT & SLOT_MASK) + 1);
    daytona_close(stream);
    daytona_close(before);
    daytona_close(sandbox);
    daytona_close(client);
}

int main(void)
{
    RUN(a_handle_fits_in_a_javascript_number);
    RUN(closing_zero_or_twice_is_quiet);
    RUN(a_value_that_was_never_a_handle_is_invalid);
    RUN(a_stale_handle_is_invalid_also_when_its_slot_lives_again);
    RUN(a_handle_of_another_type_is_invalid_everywhere);
    RUN(an_operation_on_the_wrong_kind_of_handle_is_invalid);
    RUN(a_stream_that_does_not_open_keeps_no_handle);
    return 0;
}
