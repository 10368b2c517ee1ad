/* Ways into a sandbox from outside: a port under a signed link, a file under a signed URL, SSH; and what it uses. */
#include <daytona.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* Prints one value of a result. */
static void print(const char *what, char *json, const char *pointer)
{
    char *value = NULL;

    if (!daytona_json_raw(json, pointer, &value, NULL))
        printf("%s %s\n", what, value);
    daytona_free(value);
    daytona_free(json);
}

int main(void)
{
    char *link, *token, *series;

    must(daytona_client_open(NULL, &client, &out));
    daytona_free(must(daytona_sandbox_create(client, NULL, &sandbox, &out, NULL)));

    /* Anybody who has the link reaches the port, for 5 minutes or until it is ended. */
    link = must(daytona_sandbox_signed_preview_link(sandbox, 3000, "{\"expiresInSeconds\":300}", &out, NULL));
    if (daytona_json_text(link, "/token", &token, NULL))
        end(1);
    print("preview", link, "/url");
    daytona_free(must(daytona_sandbox_expire_signed_preview_link(sandbox, 3000, token, NULL, &out, NULL)));
    daytona_free(token);
    print("public", must(daytona_sandbox_set_public(sandbox, 1, NULL, &out, NULL)), "/public");

    /* A file, without a credential: curl -F file=@local.csv UPLOAD, curl DOWNLOAD. */
    print("upload", must(daytona_sandbox_upload_url(sandbox, "data.csv", NULL, &out, NULL)), "/url");
    print("download", must(daytona_sandbox_download_url(sandbox, "data.csv", "{\"ttlSeconds\":60}", &out, NULL)), "/url");
    daytona_free(must(daytona_sandbox_rotate_signing_key(sandbox, NULL, &out, NULL)));   /* ends both */

    /* A token for SSH, and the command that uses it. */
    print("ssh", must(daytona_sandbox_create_ssh_access(sandbox, "{\"expiresInMinutes\":10}", &out, NULL)), "/sshCommand");

    /* Now, and over time. */
    print("memory", must(daytona_sandbox_metrics(sandbox, NULL, &out, NULL)), "/memTotal");
    print("ports", must(daytona_sandbox_ports(sandbox, NULL, &out, NULL)), "/ports");
    series = must(daytona_sandbox_metrics_history(sandbox, "2026-01-01T00:00:00Z", "2099-01-01T00:00:00Z",
        "{\"metricNames\":[\"daytona.sandbox.memory.usage\"]}", &out, NULL));
    print("history", series, "/series");
    end(0);
}
