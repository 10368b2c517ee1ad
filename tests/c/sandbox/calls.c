/* Calls to a sandbox in every form: by name, generic, submitted. */
#include "sandbox.h"

static void what_comes_out_may_be_left_where_it_is(void)
{
    CHECK(daytona_process_execute(sandbox, "true", NULL, NULL, NULL) == 0);
    CHECK(daytona_files_mkdir(sandbox, "made", NULL, NULL, NULL) == 0);
    CHECK(STATUS(daytona_files_mkdir(sandbox, "made", NULL, &out, &out_len)) == 0);
    CHECK(out_len == 4 && !strcmp(out, "null"));
}

static void a_command_answers_alike_in_every_form(void)
{
    CHECK(STATUS(daytona_process_execute(sandbox, "echo hi; exit 3", "{\"cwd\":\"/\"}", &out, NULL)) == 0);
    CHECK(number(out, "/exitCode") == 3 && strstr(out, "hi"));
    const char *params = "{\"command\":\"echo hi; exit 3\",\"cwd\":\"/\"}";
    CHECK(STATUS(daytona_call(sandbox, "process.execute", params, NULL, 0, NULL, &out, NULL)) == 0);
    CHECK(number(out, "/exitCode") == 3 && strstr(out, "hi"));
    daytona_queue_t queue = new_queue(NULL);
    submit(sandbox, "process.execute", params, queue, 42, NULL);
    daytona_event_t event = next(queue);
    CHECK(event.kind == DAYTONA_DONE && event.status == 0 && event.user_data == 42);
    char *data;
    CHECK(daytona_event_take(&event, &data) == 0 && number(data, "/exitCode") == 3);
    daytona_free(data);
    daytona_close(queue);
}

static void bytes_go_in_and_come_out_as_they_are(void)
{
    CHECK(STATUS(daytona_files_write(sandbox, "raw", (const uint8_t *)"a\0\xff", 3, NULL, &out, NULL)) == 0);
    CHECK(STATUS(daytona_files_read(sandbox, "raw", NULL, &out, &out_len)) == 0);
    CHECK(out_len == 3 && !memcmp(out, "a\0\xff", 4));
    CHECK(STATUS(daytona_files_write(sandbox, "empty", NULL, 0, NULL, &out, NULL)) == 0);
    CHECK(STATUS(daytona_files_read(sandbox, "empty", NULL, &out, &out_len)) == 0);
    CHECK(out && out_len == 0);
    CHECK(STATUS(daytona_files_read(sandbox, "raw", NULL, &out, NULL)) == DAYTONA_INVALID_ARGUMENT);
}

static void a_sandbox_is_reached_by_more_than_one_handle(void)
{
    char *id = NULL;
    daytona_sandbox_t other;
    CHECK(STATUS(daytona_sandbox_info(sandbox, NULL, &out, NULL)) == 0);
    CHECK(daytona_json_text(out, "/id", &id, NULL) == 0);
    CHECK(STATUS(daytona_sandbox_attach(client, id, NULL, &other, &out, NULL)) == 0 && other != sandbox);
    CHECK(daytona_process_execute(other, "true", NULL, NULL, NULL) == 0);
    CHECK(daytona_close(other) == 0 && daytona_close(other) == 0);
    CHECK(daytona_process_execute(other, "true", NULL, NULL, NULL) == DAYTONA_INVALID_HANDLE);
    CHECK(STATUS(daytona_sandbox_get(client, id, NULL, &other, &out, NULL)) == 0);
    daytona_close(other);
    CHECK(STATUS(daytona_sandbox_get(client, "nobody", NULL, &other, &out, NULL)) == 404 && other == 0);
    CHECK(says("nobody"));
    daytona_free(id);
}

static void a_cancelled_command_is_done_at_once(void)
{
    daytona_queue_t queue = new_queue(NULL);
    daytona_call_t call;
    submit(sandbox, "process.execute", "{\"command\":\"sleep 300\"}", queue, 1, &call);
    CHECK(is_quiet(queue) && daytona_cancel(call) == 0);
    daytona_event_t event = next(queue);
    CHECK(event.status == DAYTONA_CANCELLED && event.source == call && daytona_cancel(call) == 0);
    daytona_close(queue);
}

static void *executes(void *status)
{
    *(int32_t *)status = daytona_process_execute(sandbox, "sleep 300", NULL, NULL, NULL);
    return NULL;
}

static void closing_the_client_ends_what_runs_everywhere(void)
{
    daytona_client_t own = client;
    daytona_sandbox_t before = sandbox;
    char *id = NULL;
    CHECK(STATUS(daytona_sandbox_info(sandbox, NULL, &out, NULL)) == 0);
    CHECK(daytona_json_text(out, "/id", &id, NULL) == 0);
    CHECK(STATUS(daytona_client_open(NULL, &client, &out)) == 0);
    CHECK(STATUS(daytona_sandbox_get(client, id, NULL, &sandbox, &out, NULL)) == 0);
    daytona_queue_t queue = new_queue(NULL);
    daytona_stream_t stream = stream_of("process.run", "{\"command\":\"sleep 300\"}", queue);
    CHECK(next(queue).kind == DAYTONA_OPENED);
    submit(sandbox, "process.execute", "{\"command\":\"sleep 300\"}", queue, 1, NULL);
    int32_t status = 0;
    pthread_t thread;
    pthread_create(&thread, NULL, executes, &status);
    CHECK(is_quiet(queue) && daytona_close(client) == 0);
    pthread_join(thread, NULL);
    CHECK(status == DAYTONA_CLOSED);
    int kinds = 0;
    for (int i = 0; i < 2; i++) {
        daytona_event_t event = next(queue);
        CHECK(event.status == DAYTONA_CLOSED);
        kinds |= 1 << event.kind;
    }
    CHECK(kinds == (1 << DAYTONA_DONE | 1 << DAYTONA_ENDED));
    CHECK(daytona_process_execute(sandbox, "true", NULL, NULL, NULL) == DAYTONA_CLOSED);
    daytona_close(stream);
    daytona_close(queue);
    daytona_close(sandbox);
    daytona_free(id);
    client = own;
    sandbox = before;
}

int main(void)
{
    make_sandbox();
    RUN(what_comes_out_may_be_left_where_it_is);
    RUN(a_command_answers_alike_in_every_form);
    RUN(bytes_go_in_and_come_out_as_they_are);
    RUN(a_sandbox_is_reached_by_more_than_one_handle);
    RUN(a_cancelled_command_is_done_at_once);
    RUN(closing_the_client_ends_what_runs_everywhere);
    delete_sandbox();
}
