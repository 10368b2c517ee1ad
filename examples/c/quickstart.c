/* A tour of one sandbox: a command, a terminal, a large file there and back.
 *
 * It runs against whatever DAYTONA_API_URL and DAYTONA_API_KEY name: `make demo` starts a server on this
 * machine; with only DAYTONA_API_KEY set it is Daytona's hosted service. Whatever happens, the sandbox
 * is deleted at the end. */
#define _POSIX_C_SOURCE 200809L
#include <daytona.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { FILE_MIB = 64, SHA256_DIGITS = 64, QUIET_MS = 250, WAIT_MS = 30000 };

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Whether a call failed; if so says why, and frees the error JSON in `out`. It stands around every call. */
static int failed(const char *what, int32_t status, char **out)
{
    char *message = NULL;
    if (status == DAYTONA_OK)
        return 0;
    if (out && *out)
        daytona_json_text(*out, "/message", &message, NULL);
    fflush(stdout);
    fprintf(stderr, "\n%s failed: %s: %s\n", what, daytona_status_name(status), message ? message : "");
    daytona_free(message);
    if (out) {
        daytona_free(*out);
        *out = NULL;
    }
    return 1;
}

static int wrong(const char *what)
{
    fflush(stdout);
    fprintf(stderr, "\n%s\n", what);
    return 1;
}

/* Prints one text of a result. */
static void print_text(const char *label, const char *json, const char *pointer)
{
    char *text = NULL;
    if (daytona_json_text(json, pointer, &text, NULL) == DAYTONA_OK)
        printf("  %-10s %s\n", label, text);
    daytona_free(text);
}

/* 1. A sandbox. */

static int create(daytona_client_t client, daytona_sandbox_t *sandbox)
{
    char *out = NULL;
    double start = seconds();
    /* Should this program be killed, the sandbox stops after five idle minutes and is deleted then. */
    if (failed("Creating a sandbox",
               daytona_sandbox_create(client,
                                      "{\"language\":\"python\",\"ephemeral\":true,\"autoStopInterval\":5}",
                                      sandbox, &out, NULL),
               &out))
        return 1;
    print_text("id", out, "/id");
    print_text("state", out, "/state");
    printf("  %-10s %.2f s\n", "took", seconds() - start);
    daytona_free(out);
    return 0;
}

/* 2. A command, its stdout and stderr apart while it runs. */

static const char *STEPS = "{\"command\":\"for i in 1 2 3; do"
                           " echo step $i; sleep 0.4; echo careful $i >&2; sleep 0.4;"
                           " done; exit 3\"}";

static int32_t on_output(void *context, const daytona_event_t *event)
{
    const double *start = context;
    const char *channel = event->channel == DAYTONA_STDERR ? "stderr" : "stdout";
    const char *line = (const char *)event->data, *end;
    if (event->kind != DAYTONA_DATA)
        return 0;
    end = line + event->len;
    while (line < end) { /* What arrives together may be several lines. */
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        int length = (int)((newline ? newline : end) - line);
        printf("  %4.1f s  %s  %.*s\n", seconds() - *start, channel, length, line);
        line += length + 1;
    }
    fflush(stdout);
    return 0;
}

static int run(daytona_sandbox_t sandbox)
{
    daytona_stream_t stream = 0;
    char *out = NULL;
    int64_t exit_code = -1;
    double start = seconds();
    int32_t status = daytona_stream_open(sandbox, "process.run", STEPS, 0, 0, &stream, &out);

    if (!status)
        status = daytona_stream_each(stream, on_output, &start, &out, NULL);
    daytona_close(stream);
    if (failed("Running a command", status, &out))
        return 1;
    daytona_json_int(out, "/exitCode", &exit_code);
    daytona_free(out);
    printf("  exit code  %" PRId64 "\n", exit_code);
    return exit_code == 3 ? 0 : wrong("The command ends with `exit 3`, yet that is not what came back.");
}

/* 3. A terminal: opened, typed into, resized, left. */

/* Prints what a terminal shows, without its control sequences, and looks for a text in it. */
struct screen {
    char line[256];
    size_t len;
    enum { PLAIN, ESCAPE, SEQUENCE, TITLE } state;
    const char *wanted;
    int seen;
};

static void show(struct screen *screen, const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        unsigned char c = bytes[i];
        if (screen->state == ESCAPE)
            screen->state = c == '[' ? SEQUENCE : c == ']' ? TITLE : PLAIN;
        else if (screen->state == SEQUENCE)
            screen->state = c >= '@' && c <= '~' ? PLAIN : SEQUENCE;
        else if (screen->state == TITLE)
            screen->state = c == 7 ? PLAIN : c == 27 ? ESCAPE : TITLE;
        else if (c == 27)
            screen->state = ESCAPE;
        else if (c == '\n' || screen->len == sizeof screen->line - 1) {
            screen->line[screen->len] = 0;
            printf("  | %s\n", screen->line);
            screen->seen |= screen->wanted && strstr(screen->line, screen->wanted) != NULL;
            screen->len = 0;
        } else if (c >= ' ')
            screen->line[screen->len++] = (char)c;
    }
}

/* Shows the terminal until a line with `wanted` was seen; without one, until it was quiet for that long or
 * is at its end. */
static int watch(daytona_stream_t terminal, struct screen *screen, const char *wanted, int64_t quiet_ms)
{
    uint8_t bytes[4096];
    size_t count = 0;
    char *out = NULL;
    int32_t status;

    screen->wanted = wanted;
    screen->seen = 0;
    while (!screen->seen) {
        status = daytona_stream_read(terminal, bytes, sizeof bytes, quiet_ms, &count, NULL);
        if (!wanted && (status == DAYTONA_TIMEOUT || status == DAYTONA_END_OF_STREAM))
            return 0;
        if (status == DAYTONA_END_OF_STREAM)
            return wrong("The terminal ended before it showed what was asked for.");
        if (status == DAYTONA_TIMEOUT)
            return wrong("The terminal did not show in time what was asked for.");
        if (status) { /* The reason stands in the stream's result. */
            daytona_stream_result(terminal, 0, &out, NULL);
            return failed("Reading the terminal", status, &out);
        }
        show(screen, bytes, count);
    }
    return 0;
}

/* Types a line, once the terminal is quiet: as a person does, who waits for the prompt. */
static int type(daytona_stream_t terminal, struct screen *screen, const char *line)
{
    char *out = NULL;
    return watch(terminal, screen, NULL, QUIET_MS) ||
           failed("Typing into the terminal",
                  daytona_stream_write(terminal, (const uint8_t *)line, strlen(line), WAIT_MS, NULL, &out),
                  &out);
}

static int resize(daytona_sandbox_t sandbox)
{
    char *out = NULL;
    if (failed("Resizing the terminal", daytona_pty_resize(sandbox, "tour", 100, 30, NULL, &out, NULL),
               &out))
        return 1;
    daytona_free(out);
    return 0;
}

static int use_terminal(daytona_sandbox_t sandbox, daytona_stream_t stream)
{
    struct screen screen = {0};
    char *out = NULL;
    int64_t exit_code = -1;

    if (type(stream, &screen, "stty size\n") || watch(stream, &screen, "40 120", WAIT_MS) ||
        resize(sandbox) || type(stream, &screen, "stty size\n") ||
        watch(stream, &screen, "30 100", WAIT_MS) || type(stream, &screen, "exit 7\n") ||
        watch(stream, &screen, NULL, WAIT_MS) ||
        failed("Leaving the terminal", daytona_stream_result(stream, WAIT_MS, &out, NULL), &out))
        return 1;
    daytona_json_int(out, "/exitCode", &exit_code);
    daytona_free(out);
    printf("  exit code  %" PRId64 "\n", exit_code);
    return exit_code == 7 ? 0 : wrong("The shell was left with `exit 7`, yet that is not what came back.");
}

static int terminal(daytona_sandbox_t sandbox)
{
    daytona_stream_t stream = 0;
    char *out = NULL;
    if (failed("Opening a terminal",
               daytona_stream_open(sandbox, "pty.open", "{\"id\":\"tour\",\"cols\":120,\"rows\":40}", 0, 0,
                                   &stream, &out),
               &out))
        return 1;
    int bad = use_terminal(sandbox, stream);
    daytona_close(stream); /* Kills the terminal where it is still there. */
    return bad;
}

/* 4. A large file up and down, with progress, compared by hash. */

static int make_file(const char *path)
{
    static uint64_t block[8192];
    uint64_t state = 88172645463325252u; /* xorshift64: the same bytes every time, and no zeros to skip */
    FILE *file = fopen(path, "wb");
    int bad = !file;
    for (int i = 0; !bad && i < FILE_MIB * 16; i++) {
        for (size_t k = 0; k < sizeof block / sizeof *block; k++) {
            state ^= state << 13, state ^= state >> 7, state ^= state << 17;
            block[k] = state;
        }
        bad = fwrite(block, sizeof block, 1, file) != 1;
    }
    if (file && fclose(file))
        bad = 1;
    if (bad)
        perror(path);
    return bad;
}

/* The SHA-256 of a file on this side, by the tool that Linux or macOS has. */
static int hash_here(const char *path, char digits[SHA256_DIGITS + 1])
{
    char command[512];
    snprintf(command, sizeof command, "sha256sum '%s' 2>/dev/null || shasum -a 256 '%s'", path, path);
    FILE *tool = popen(command, "r");
    size_t got = tool ? fread(digits, 1, SHA256_DIGITS, tool) : 0;
    digits[got] = 0;
    if (tool)
        pclose(tool);
    return got == SHA256_DIGITS ? 0 : wrong("Neither sha256sum nor shasum could hash a file here.");
}

/* The same inside the sandbox. */
static int hash_there(daytona_sandbox_t sandbox, const char *path, char digits[SHA256_DIGITS + 1])
{
    char command[512], *out = NULL, *text = NULL;
    size_t len = 0;
    snprintf(command, sizeof command, "sha256sum '%s'", path);
    if (failed("Hashing in the sandbox", daytona_process_execute(sandbox, command, NULL, &out, NULL), &out))
        return 1;
    if (daytona_json_text(out, "/result", &text, &len) == DAYTONA_OK && len >= SHA256_DIGITS)
        memcpy(digits, text, SHA256_DIGITS);
    else
        len = 0;
    digits[SHA256_DIGITS] = 0;
    daytona_free(text);
    daytona_free(out);
    return len ? 0 : wrong("The sandbox could not hash the file.");
}

static void progress(const char *label, uint64_t bytes)
{
    enum { WIDTH = 32 };
    int mib = (int)(bytes >> 20), full = mib * WIDTH / FILE_MIB;
    /* On a terminal one line grows; in a log only the end is worth a line. */
    if (isatty(STDOUT_FILENO))
        printf("\r  %-10s [%.*s%*s] %2d of %d MiB", label, full, "################################",
               WIDTH - full, "", mib, FILE_MIB);
    fflush(stdout);
}

/* One transfer as a submitted call: PROGRESS events while it runs, then its one DONE. */
static int transfer(daytona_sandbox_t sandbox, daytona_queue_t queue, const char *label,
                    const char *operation, const char *local, const char *remote)
{
    char params[1024], *out = NULL;
    daytona_event_t event;
    size_t count = 0, reports = 0;
    double start = seconds();
    int32_t status;

    snprintf(params, sizeof params, "{\"localPath\":\"%s\",\"remotePath\":\"%s\"}", local, remote);
    if (failed(operation, daytona_submit(sandbox, operation, params, NULL, 0, queue, 0, NULL, &out), &out))
        return 1;
    do {
        if (failed("Waiting for the transfer", daytona_queue_next(queue, &event, 1, -1, &count), NULL))
            return 1;
        if (count && event.kind == DAYTONA_PROGRESS) {
            progress(label, event.position);
            reports++;
        }
    } while (!count || event.kind != DAYTONA_DONE);
    if ((status = event.status)) {
        daytona_event_take(&event, &out);
        return failed(operation, status, &out);
    }
    progress(label, (uint64_t)FILE_MIB << 20);
    printf("%s  %-10s %d MiB in %.2f s, %zu reports of progress\n", isatty(STDOUT_FILENO) ? "\r\033[K" : "",
           label, FILE_MIB, seconds() - start, reports);
    return 0;
}

static int files(daytona_sandbox_t sandbox)
{
    char directory[] = "/tmp/daytona-tour-XXXXXX", up[64], down[64], *out = NULL;
    char here[SHA256_DIGITS + 1], there[SHA256_DIGITS + 1], back[SHA256_DIGITS + 1];
    daytona_queue_t queue = 0;

    if (!mkdtemp(directory)) {
        perror(directory);
        return 1;
    }
    snprintf(up, sizeof up, "%s/up", directory);
    snprintf(down, sizeof down, "%s/down", directory);
    int bad = make_file(up) || failed("Opening a queue", daytona_queue_open(NULL, &queue, &out), &out) ||
              transfer(sandbox, queue, "up", "files.upload", up, "tour.bin") ||
              transfer(sandbox, queue, "down", "files.download", down, "tour.bin") || hash_here(up, here) ||
              hash_there(sandbox, "tour.bin", there) || hash_here(down, back);
    if (!bad) {
        printf("  sha256     here   %s\n             there  %s\n             back   %s\n", here, there,
               back);
        if (strcmp(here, there) || strcmp(here, back))
            bad = wrong("The hashes differ: the file changed on its way.");
    }
    daytona_close(queue);
    remove(up);
    remove(down);
    rmdir(directory);
    return bad;
}

static int tour(daytona_sandbox_t sandbox)
{
    puts("\n2. A command, its stdout and stderr apart while it runs");
    if (run(sandbox))
        return 1;
    puts("\n3. A terminal of 120x40, typed into, resized to 100x30, left with `exit 7`");
    if (terminal(sandbox))
        return 1;
    printf("\n4. A file of %d MiB up and down\n", FILE_MIB);
    return files(sandbox);
}

int main(void)
{
    daytona_client_t client = 0;
    daytona_sandbox_t sandbox = 0;
    char *out = NULL;
    int bad;

    printf("libdaytona %s\n\n1. A sandbox\n", daytona_version());
    fflush(stdout);
    if (failed("Opening a client", daytona_client_open(NULL, &client, &out), &out))
        return 1;
    bad = create(client, &sandbox);
    if (!bad) {
        bad = tour(sandbox);
        puts("\n5. The sandbox deleted");
        if (failed("Deleting the sandbox", daytona_sandbox_delete(sandbox, "{\"wait\":true}", &out, NULL),
                   &out))
            bad = 1;
        else
            puts("  it is gone, with everything that ran in it");
        daytona_free(out);
    }
    daytona_close(sandbox);
    daytona_close(client);
    daytona_shutdown(10000); /* Finishes what the closing began. */
    puts(bad ? "\nThe tour did not work out; the reason stands above." : "\nThat was one real sandbox.");
    return bad;
}
