/* A sandbox, a command, its output. */
#include <daytona.h>
#include <stdio.h>

static int fail(int32_t status, char *error)
{
    fprintf(stderr, "%s: %s\n", daytona_status_name(status), error);
    daytona_free(error);
    return 1;
}

int main(void)
{
    daytona_client_t client;
    daytona_sandbox_t sandbox;
    char *out = NULL;
    int32_t status;

    if ((status = daytona_client_open(NULL, &client, &out)))       /* DAYTONA_API_KEY ... */
        return fail(status, out);
    if ((status = daytona_sandbox_create(client, "{\"language\":\"python\"}", &sandbox, &out, NULL)))
        return fail(status, out);
    daytona_free(out);

    if ((status = daytona_process_execute(sandbox, "uname -a", NULL, &out, NULL)))
        return fail(status, out);
    puts(out);                                       /* {"exitCode":0,"result":"Linux ..."} */
    daytona_free(out);

    daytona_sandbox_delete(sandbox, NULL, NULL, NULL);
    daytona_close(sandbox);
    daytona_close(client);
}
