/* Sessions and interactive commands, as a program holds them. */
#include "sandbox.h"

static void a_session_keeps_its_state_and_follows_what_runs(void)
{
    CHECK(STATUS(daytona_session_create(sandbox, "s", NULL, &out, NULL)) == 0);
    CHECK(STATUS(daytona_session_execute(sandbox, "s", "cd /tmp; export V=7", NULL, &out, NULL)) == 0);
    CHECK(STATUS(daytona_session_execute(sandbox, "s", "echo $V; pwd", NULL, &out, NULL)) == 0);
    char *text = NULL;
    CHECK(daytona_json_text(out, "/stdout", &text, NULL) == 0 && !strcmp(text, "7\n/tmp\n"));
    daytona_free(text);

    const char *wish = "{\"runAsync\":true,\"suppressInputEcho\":true}";
    CHECK(STATUS(daytona_session_execute(sandbox, "s", "read line; echo got $line; (exit 5)", wish, &out, NULL)) == 0);
    char *command = NULL;
    CHECK(daytona_json_text(out, "/cmdId", &command, NULL) == 0);
    /* At once: the shell may not have begun. */
    CHECK(STATUS(daytona_session_input(sandbox, "s", command, "typed", NULL, &out, NULL)) == 0);
    char params[256];
    snprintf(params, sizeof params, "{\"id\":\"s\",\"commandId\":\"%s\"}", command);
    daytona_queue_t queue = new_queue(NULL);
    daytona_stream_t stream = stream_of("session.follow", params, queue);
    char all[256] = "";
    daytona_event_t event;
    while ((event = next(queue)).kind != DAYTONA_ENDED)
        if (event.kind == DAYTONA_DATA)
            strncat(all, (const char *)event.data, event.len);
    CHECK(event.status == 0 && number((const char *)event.data, "/exitCode") == 5 && !strcmp(all, "got typed\n"));
    daytona_close(stream);
    daytona_close(queue);
    daytona_free(command);
    CHECK(STATUS(daytona_session_delete(sandbox, "s", NULL, &out, NULL)) == 0);
    CHECK(STATUS(daytona_session_delete(sandbox, "s", NULL, &out, NULL)) == DAYTONA_HTTP_NOT_FOUND);
}

static void arguments_of_a_program_arrive_whole(void)
{
    const char *options = "{\"argv\":[\"a b\",\"d'e\",\"$(id)\",\"\"]}";
    CHECK(STATUS(daytona_process_code_run(sandbox, "import sys; print(sys.argv[1:])", options, &out, NULL)) == 0);
    char *text = NULL;
    CHECK(daytona_json_text(out, "/result", &text, NULL) == 0);
    CHECK(!strcmp(text, "['a b', \"d'e\", '$(id)', '']\n"));
    daytona_free(text);
}

int main(void)
{
    make_sandbox();
    RUN(a_session_keeps_its_state_and_follows_what_runs);
    RUN(arguments_of_a_program_arrive_whole);
    delete_sandbox();
}
