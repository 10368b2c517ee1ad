/* A sandbox from an image that is described here: its Dockerfile, the local file that goes into it, the log of the
 * build while it runs, and what the sandbox then has. */
#include <daytona.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static daytona_client_t client;
static daytona_stream_t stream;
static daytona_sandbox_t sandbox;                     /* the stream's last event gives it */

static char *out;                                     /* what the last call gave */

/* Says why a call failed, cleans up and ends. */
static void must(int32_t status)
{
    if (!status)
        return;
    fprintf(stderr, "%s: %s\n", daytona_status_name(status), out ? out : "");
    daytona_free(out);
    if (sandbox)
        daytona_sandbox_delete(sandbox, NULL, NULL, NULL);
    daytona_close(stream);
    daytona_close(sandbox);
    daytona_close(client);
    daytona_shutdown(10000);
    exit(1);
}

/* Prints what a call gave. */
static void show(int32_t status)
{
    must(status);
    printf("%s\n", out);
    daytona_free(out);
    out = NULL;
}

static int32_t on_event(void *context, const daytona_event_t *event)
{
    (void)context;
    if (event->kind == DAYTONA_DATA)                  /* the build log */
        fwrite(event->data, 1, (size_t)event->len, stdout);
    if (event->kind == DAYTONA_ENDED)
        sandbox = event->result;
    return 0;
}

int main(int argc, char **argv)
{
    const char *greeting = argc > 1 ? argv[1] : "examples/c/image.c";
    char *path = NULL, image[4096], params[8192];

    must(daytona_client_open(NULL, &client, &out));
    must(daytona_json_quote(greeting, strlen(greeting), &path));
    snprintf(image, sizeof image,
             "{\"base\":\"python:3.12-slim\",\"steps\":["
             "{\"addLocalFile\":{\"localPath\":%s,\"remotePath\":\"/opt/image.c\"}},"
             "{\"env\":{\"GREETING\":\"it's $5 \\\"or\\\" so\"}},"
             "{\"workdir\":\"/opt\"},"
             "{\"run\":\"wc -l image.c > lines\\necho counted\"}]}",
             path);
    daytona_free(path);

    show(daytona_image_dockerfile(client, image, NULL, &out, NULL));
    show(daytona_image_contexts(client, image, NULL, &out, NULL)); /* [{"sourcePath":"...","hash":"...","files":[...]}] */

    snprintf(params, sizeof params, "{\"image\":%s}", image);
    must(daytona_stream_open(client, "sandbox.create", params, 0, 0, &stream, &out));
    must(daytona_stream_each(stream, on_event, NULL, &out, NULL));
    daytona_free(out);
    out = NULL;

    show(daytona_process_execute(sandbox, "echo \"$GREETING\"; cat /opt/lines", NULL, &out, NULL));
    must(daytona_sandbox_delete(sandbox, NULL, &out, NULL));
    daytona_free(out);
    daytona_close(stream);
    daytona_close(sandbox);
    daytona_close(client);
    daytona_shutdown(10000);
    return 0;
}
