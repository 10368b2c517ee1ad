/* A desktop: a terminal window, a line typed into it, and the picture of the screen as a file. */
#include <daytona.h>
#include <stdio.h>
#include <string.h>

/* Whether a call failed; if so says why. Frees what it gave either way. */
static int failed(int32_t status, char **out)
{
    char *message = NULL;
    if (status && *out)
        daytona_json_text(*out, "/message", &message, NULL);
    if (status)
        fprintf(stderr, "%s: %s\n", daytona_status_name(status), message ? message : "");
    daytona_free(message);
    daytona_free(*out);
    *out = NULL;
    return status != 0;
}

/* Waits until a window's title, or one of its other values, is in the list of windows. */
static int wait_for(daytona_sandbox_t sandbox, const char *wanted)
{
    char *out = NULL;
    for (;;) {
        int32_t status = daytona_computer_windows(sandbox, NULL, &out, NULL);
        int seen = !status && strstr(out, wanted) != NULL;
        if (failed(status, &out))
            return 1;
        if (seen)
            return 0;
    }
}

static int save(const char *path, const char *bytes, size_t len)
{
    FILE *file = fopen(path, "wb");
    int bad = !file || fwrite(bytes, 1, len, file) != len;
    if (file && fclose(file))
        bad = 1;
    if (bad)
        perror(path);
    else
        printf("saved %zu bytes\n", len);
    return bad;
}

static int use(daytona_sandbox_t sandbox, const char *path)
{
    char *out = NULL;
    size_t len = 0;

    if (failed(daytona_computer_start(sandbox, NULL, &out, NULL), &out) ||
        failed(daytona_process_execute(sandbox, "setsid xterm >/dev/null 2>&1 &", NULL, &out, NULL), &out) ||
        wait_for(sandbox, "\"isActive\":true") ||
        failed(daytona_computer_key_type(sandbox, "printf '\\e]2;typed\\a'; uname -a\n", NULL, &out, NULL),
               &out) ||
        wait_for(sandbox, "\"typed\""))
        return 1;
    puts("typed");

    int32_t status = daytona_computer_screenshot_image(sandbox, NULL, &out, &len);
    int bad = status ? 1 : save(path, out, len);
    return failed(status, &out) || bad;
}

int main(int count, char **arguments)
{
    daytona_client_t client = 0;
    daytona_sandbox_t sandbox = 0;
    char *out = NULL;
    int bad;

    if (failed(daytona_client_open(NULL, &client, &out), &out))
        return 1;
    bad = failed(daytona_sandbox_create(client, "{\"ephemeral\":true}", &sandbox, &out, NULL), &out);
    if (!bad) {
        bad = use(sandbox, count > 1 ? arguments[1] : "desktop.png");
        bad |= failed(daytona_sandbox_delete(sandbox, NULL, &out, NULL), &out);
    }
    daytona_close(sandbox);
    daytona_close(client);
    return bad;
}
