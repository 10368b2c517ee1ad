/* A sandbox from an image that is described here: its Dockerfile, the local file that goes into it, the log of the
 * build while it runs, and what the sandbox then has. */
#include <daytona.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static daytona_client_t client;
static daytona_stream_t stream;
static daytona_sandbox_t sandbox;                     /* the stream's last event gives it */

/* Says why a call failed, cleans up and ends. */
static void must(int32_t status, char *error)
{
    if (!status)
        return;
    fprintf(stderr, "%s: %s\n", daytona_status_name(status), error);
    if (sandbox)
        daytona_sandbox_delete(sandbox, NULL, NULL, NULL);
    daytona_close(stream);
    daytona_close(sandbox);
    daytona_close(client);
    daytona_shutdown(10000);
    exit(1);
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
    char *out = NULL, *path = NULL, image[4096], params[8192];

    must(daytona_client_open(NULL, &client, &out), out);
    must(daytona_json_quote(greeting, strlen(greeting), &path), NULL);
    snprintf(image, sizeof image,
             "{\"base\":\"python:3.12-slim\",\"steps\":["
             "{\"addLocalFile\":{\"localPath\":%s,\"remotePath\":\"/opt/image.c\"}},"
             "{\"env\":{\"GREETING\":\"it's $5 \\\"or\\\" so\"}},"
             "{\"workdir\":\"/opt\"},"
             "{\"run\":\"wc -l image.c > lines\\necho counted\"}]}",
             path);
    daytona_free(path);

    must(daytona_image_dockerfile(client, image, NULL, &out, NULL), out);
    printf("%s\n", out);
    daytona_free(out);
    must(daytona_image_contexts(client, image, NULL, &out, NULL), out);
    printf("%s\n", out);                              /* [{"sourcePath":"...","hash":"...","files":[...]}] */
    daytona_free(out);

    snprintf(params, sizeof params, "{\"image\":%s}", image);
    must(daytona_stream_open(client, "sandbox.create", params, 0, 0, &stream, &out), out);
    must(daytona_stream_each(stream, on_event, NULL, &out, NULL), out);
    daytona_free(out);

    must(daytona_process_execute(sandbox, "echo \"$GREETING\"; cat /opt/lines", NULL, &out, NULL), out);
    printf("%s\n", out);
    daytona_free(out);
    must(daytona_sandbox_delete(sandbox, NULL, &out, NULL), out);
    daytona_free(out);
    daytona_close(stream);
    daytona_close(sandbox);
    daytona_close(client);
    daytona_shutdown(10000);
    return 0;
}
