/* Python in a context that keeps its variables: a stream of its output while it runs, an exception, and a time limit. */
#include <daytona.h>
#include <stdio.h>
#include <stdlib.h>

static daytona_client_t client;
static daytona_sandbox_t sandbox;
static char *out;                                     /* what the last call gave */

static void end(int code)
{
    if (sandbox)
        daytona_sandbox_delete(sandbox, NULL, NULL, NULL);
    daytona_close(sandbox);
    daytona_close(client);
    daytona_shutdown(10000);
    exit(code);
}

/* The result of a call that succeeded; otherwise says why it did not, and ends. */
static char *must(int32_t status)
{
    if (status) {
        fprintf(stderr, "%s: %s\n", daytona_status_name(status), out);
        daytona_free(out);
        end(1);
    }
    return out;
}

/* Prints one text of a result. */
static void print(const char *what, char *json, const char *pointer)
{
    char *text = NULL;

    if (!daytona_json_text(json, pointer, &text, NULL))
        printf("%s %s\n", what, text);
    daytona_free(text);
    daytona_free(json);
}

/* The exception comes as JSON on a channel of its own. */
static int32_t on_event(void *context, const daytona_event_t *event)
{
    static const char *const channels[] = {"", "stdout", "stderr", "exception"};

    (void)context;
    if (event->kind == DAYTONA_DATA)
        printf("%s: %.*s\n", channels[event->channel], (int)event->len, (const char *)event->data);
    return 0;
}

int main(void)
{
    static const char running[] =
        "{\"code\":\"import sys\\nprint('answer', x + 1)\\nsys.stderr.write('careful')\\nraise ValueError('boom')\"}";
    daytona_stream_t stream;

    must(daytona_client_open(NULL, &client, &out));
    daytona_free(must(daytona_sandbox_create(client, NULL, &sandbox, &out, NULL)));

    /* As a call: everything at once. */
    print("printed", must(daytona_interpreter_run(sandbox, "x = 41\nprint('hello')", NULL, &out, NULL)), "/stdout");

    /* As a stream: while it runs, in the same context. */
    must(daytona_stream_open(sandbox, "interpreter.run", running, 0, 0, &stream, &out));
    daytona_free(must(daytona_stream_each(stream, on_event, NULL, &out, NULL)));
    daytona_close(stream);

    /* Code that takes too long is interrupted; the context keeps its variables. */
    if (daytona_interpreter_run(sandbox, "import time; time.sleep(100)", "{\"timeout\":1}", &out, NULL) == DAYTONA_HTTP_REQUEST_TIMEOUT)
        print("stopped", out, "/code");
    print("kept", must(daytona_interpreter_run(sandbox, "print(x)", NULL, &out, NULL)), "/stdout");
    end(0);
}
