/* Streams of a sandbox: read, drained by a callback, through a queue; and held back. */
#include "sandbox.h"

static void reading_gives_both_channels_and_then_the_end(void)
{
    daytona_stream_t stream = stream_of("process.run", "{\"command\":\"echo one; echo two >&2; exit 2\"}", 0);
    char text[2][64] = {"", ""};
    uint8_t buffer[3];
    size_t count;
    int32_t channel, status;
    while (!(status = daytona_stream_read(stream, buffer, sizeof buffer, 20000, &count, &channel)))
        strncat(text[channel == DAYTONA_STDERR], (char *)buffer, count);
    CHECK(status == DAYTONA_END_OF_STREAM && count == 0);
    CHECK(!strcmp(text[0], "one\n") && !strcmp(text[1], "two\n"));
    CHECK(end_of(stream) == 0 && number(out, "/exitCode") == 2);
    CHECK(end_of(stream) == 0 && daytona_close(stream) == 0);
    CHECK(end_of(stream) == DAYTONA_INVALID_HANDLE);
}

static int32_t calls_back(void *status, const daytona_event_t *event)
{
    if (event->kind == DAYTONA_DATA)
        *(int32_t *)status = daytona_process_execute(sandbox, "true", NULL, NULL, NULL);
    return 0;
}

static int32_t refuses(void *context, const daytona_event_t *event)
{
    (void)context;
    return event->kind == DAYTONA_DATA;
}

static void a_callback_may_call_and_may_end_the_stream(void)
{
    int32_t inner = -1;
    daytona_stream_t stream = stream_of("process.run", "{\"command\":\"echo one; exit 4\"}", 0);
    CHECK(STATUS(daytona_stream_each(stream, calls_back, &inner, &out, NULL)) == 0);
    CHECK(inner == 0 && number(out, "/exitCode") == 4);
    daytona_close(stream);
    stream = stream_of("process.run", "{\"command\":\"echo one; sleep 300\"}", 0);
    CHECK(STATUS(daytona_stream_each(stream, refuses, NULL, &out, NULL)) == DAYTONA_CANCELLED);
    CHECK(daytona_close(stream) == 0);
}

static void a_terminal_speaks_through_a_queue(void)
{
    daytona_queue_t queue = new_queue(NULL);
    daytona_stream_t stream = stream_of("pty.open", "{\"id\":\"main\",\"cols\":90,\"rows\":20}", queue);
    CHECK(next(queue).kind == DAYTONA_OPENED);
    const uint8_t line[] = "stty size; exit 9\n";
    size_t written;
    CHECK(STATUS(daytona_stream_write(stream, line, sizeof line - 1, 20000, &written, &out)) == 0);
    CHECK(written == sizeof line - 1);
    char text[65536] = "";
    uint64_t position = 0;
    daytona_event_t event;
    while ((event = next(queue)).kind == DAYTONA_DATA) {
        CHECK(event.position > position && event.user_data == 7 && event.source == stream);
        position = event.position;
        strncat(text, (const char *)event.data, event.len);
    }
    CHECK(event.kind == DAYTONA_ENDED && event.status == 0 && event.data[event.len] == 0);
    CHECK(number((const char *)event.data, "/exitCode") == 9);
    CHECK((uint64_t)number((const char *)event.data, "/position") == position && strstr(text, "20 90"));
    CHECK(STATUS(daytona_stream_finish(stream, &out)) == DAYTONA_UNSUPPORTED);
    CHECK(STATUS(daytona_stream_write(stream, line, 1, 0, NULL, &out)) == DAYTONA_CLOSED);
    daytona_close(stream);
    daytona_close(queue);
}

static void what_cannot_be_opened_says_so_in_either_way(void)
{
    daytona_queue_t queue = new_queue(NULL);
    daytona_stream_t stream = stream_of("pty.connect", "{\"id\":\"nobody\"}", queue);
    daytona_event_t event = next(queue);
    CHECK(event.kind == DAYTONA_ENDED && event.status == DAYTONA_HTTP_NOT_FOUND);
    CHECK(number((const char *)event.data, "/bytes") == 0 && number((const char *)event.data, "/position") == 0);
    daytona_close(stream);
    daytona_close(queue);
    CHECK(STATUS(daytona_stream_open(sandbox, "pty.connect", "{\"id\":\"nobody\"}", 0, 0, &stream, &out)) == 404);
    CHECK(stream == 0 && says("nobody"));
}

static void a_written_file_is_whole_when_the_stream_has_ended(void)
{
    daytona_stream_t stream = stream_of("files.writer", "{\"path\":\"written\"}", 0);
    CHECK(STATUS(daytona_stream_result(stream, 0, &out, NULL)) == DAYTONA_BUSY);
    for (int i = 0; i < 1000; i++)
        CHECK(STATUS(daytona_stream_write(stream, (const uint8_t *)"0123456789", 10, -1, NULL, &out)) == 0);
    CHECK(STATUS(daytona_stream_finish(stream, &out)) == 0);
    CHECK(end_of(stream) == 0 && number(out, "/bytes") == 10000);
    daytona_close(stream);
    CHECK(STATUS(daytona_files_read(sandbox, "written", NULL, &out, &out_len)) == 0 && out_len == 10000);
}

static void a_create_opens_before_its_log_comes_and_reports_no_progress(void)
{
    const char *image = "{\"image\":{\"base\":\"debian:12\",\"steps\":[{\"addLocalFile\":"
                        "{\"localPath\":\"/etc/passwd\",\"remotePath\":\"/local\"}}]}}";
    daytona_queue_t queue = new_queue(NULL);
    daytona_stream_t stream;
    CHECK(STATUS(daytona_stream_open(client, "sandbox.create", image, queue, 7, &stream, &out)) == 0);
    daytona_event_t event = next(queue);
    CHECK(event.kind == DAYTONA_OPENED && event.data[0] == '{');
    size_t len = 0;
    while ((event = next(queue)).kind == DAYTONA_DATA)
        len += event.len;
    CHECK(event.kind == DAYTONA_ENDED && event.status == 0 && event.result != 0 && len > 0);
    CHECK(STATUS(daytona_sandbox_delete(event.result, NULL, NULL, NULL)) == 0);
    daytona_close(event.result);
    daytona_close(stream);
    daytona_close(queue);
}

static atomic_int held, ended;
static char kept[64];

static int32_t holds(void *context, const daytona_event_t *event)
{
    (void)context;
    if (event->kind == DAYTONA_DATA && !atomic_exchange(&held, 1))
        return DAYTONA_WOULD_BLOCK;
    if (event->kind == DAYTONA_DATA)
        strncat(kept, (const char *)event->data, event->len);
    if (event->kind == DAYTONA_ENDED)
        atomic_store(&ended, 1);
    return 0;
}

static void what_a_callback_holds_back_comes_again(void)
{
    const char *const options[] = {NULL, "{\"inline\":true}"};
    for (int i = 0; i < 2; i++) {
        daytona_queue_t queue;
        atomic_store(&held, 0);
        atomic_store(&ended, 0);
        kept[0] = 0;
        CHECK(STATUS(daytona_queue_open_callback(options[i], holds, NULL, &queue, &out)) == 0);
        daytona_stream_t stream = stream_of("process.run", "{\"command\":\"echo held\"}", queue);
        CHECK(becomes(&held, 1) && !atomic_load(&ended) && daytona_stream_resume(stream) == 0);
        CHECK(becomes(&ended, 1) && !strcmp(kept, "held\n"));
        daytona_close(stream);
        daytona_close(queue);
    }
}

int main(void)
{
    make_sandbox();
    RUN(reading_gives_both_channels_and_then_the_end);
    RUN(a_callback_may_call_and_may_end_the_stream);
    RUN(a_terminal_speaks_through_a_queue);
    RUN(what_cannot_be_opened_says_so_in_either_way);
    RUN(a_written_file_is_whole_when_the_stream_has_ended);
    RUN(a_create_opens_before_its_log_comes_and_reports_no_progress);
    RUN(what_a_callback_holds_back_comes_again);
    delete_sandbox();
}
