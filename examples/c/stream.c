/* A command whose stdout and stderr arrive while it runs, on this thread. Ends as the command does. */
#include <daytona.h>
#include <stdio.h>
#include <string.h>

static int32_t on_event(void *context, const daytona_event_t *event)
{
    (void)context;
    if (event->kind == DAYTONA_DATA)
        fwrite(event->data, 1, event->len, event->channel == DAYTONA_STDERR ? stderr : stdout);
    return 0;                                                     /* non-zero ends the stream */
}

int main(int argc, char **argv)
{
    const char *command = argc > 1 ? argv[1] : "echo compiling; echo 'no rule to make it' >&2; exit 2";
    daytona_client_t client = 0;
    daytona_sandbox_t sandbox = 0;
    daytona_stream_t stream = 0;
    int64_t exit_code = 1;
    char *out = NULL, *literal = NULL, params[4096];
    int32_t status = daytona_client_open(NULL, &client, &out);

    if (!status)
        status = daytona_sandbox_create(client, NULL, &sandbox, &out, NULL);
    if (!status) {
        daytona_free(out);
        daytona_json_quote(command, strlen(command), &literal);
        snprintf(params, sizeof params, "{\"command\":%s}", literal);
        status = daytona_stream_open(sandbox, "process.run", params, 0, 0, &stream, &out);
    }
    if (!status)
        status = daytona_stream_each(stream, on_event, NULL, &out, NULL); /* {"exitCode":2,...} */
    if (!status)
        daytona_json_int(out, "/exitCode", &exit_code);
    else
        fprintf(stderr, "%s: %s\n", daytona_status_name(status), out);

    daytona_free(out);
    daytona_free(literal);
    if (sandbox)
        daytona_sandbox_delete(sandbox, NULL, NULL, NULL);
    daytona_close(stream);                                        /* closing 0 is fine */
    daytona_close(sandbox);
    daytona_close(client);
    daytona_shutdown(10000);                                      /* finishes what the closing began */
    return (int)exit_code;
}
