/* A volume that two sandboxes have at once, and that outlives the first. */
#include <daytona.h>
#include <stdio.h>
#include <stdlib.h>

static daytona_client_t client;
static char *out;                                             /* the latest result, or error */

/* Ends the program where something went wrong, and frees the result. */
static void check(int32_t status)
{
    if (status) {
        fprintf(stderr, "%s: %s\n", daytona_status_name(status), out);
        exit(1);
    }
    daytona_free(out);
}

static daytona_sandbox_t sandbox_with(const char *volumes)
{
    daytona_sandbox_t sandbox;
    check(daytona_sandbox_create(client, volumes, &sandbox, &out, NULL));
    return sandbox;
}

static void run(daytona_sandbox_t sandbox, const char *command)
{
    char *text;
    int32_t status = daytona_process_execute(sandbox, command, NULL, &out, NULL);
    if (!status && !daytona_json_text(out, "/result", &text, NULL)) {
        printf("%s", text);
        daytona_free(text);
    }
    check(status);
}

int main(void)
{
    daytona_sandbox_t writer, reader;
    int32_t status;

    check(daytona_client_open(NULL, &client, &out));
    check(daytona_volume_create(client, "models", NULL, &out, NULL));
    check(daytona_volume_wait(client, "models", NULL, &out, NULL));                  /* until it is ready */

    writer = sandbox_with("{\"volumes\":[{\"volumeId\":\"models\",\"mountPath\":\"/data\"}]}");
    reader = sandbox_with("{\"volumes\":[{\"volumeId\":\"models\",\"mountPath\":\"/in\",\"subpath\":\"v1\"}]}");
    run(writer, "mkdir -p /data/v1 && echo weights > /data/v1/model");
    run(reader, "cat /in/model");                                                    /* weights */
    daytona_sandbox_delete(writer, NULL, NULL, NULL);
    run(reader, "cat /in/model");                                                    /* still there */

    status = daytona_volume_delete(client, "models", NULL, &out, NULL);
    printf("%s: %s\n", daytona_status_name(status), out ? out : "");                 /* CONFLICT: in use */
    daytona_free(out);
    check(daytona_sandbox_delete(reader, "{\"wait\":true}", &out, NULL));
    check(daytona_volume_delete(client, "models", NULL, &out, NULL));
    puts("deleted");

    daytona_close(writer);
    daytona_close(reader);
    daytona_close(client);
    return 0;
}
