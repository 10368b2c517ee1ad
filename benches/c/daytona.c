/* The library's side of every measure. bench-daytona PORT MEASURE [ARGUMENT] */
#include "measure.h"
#include <daytona.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/stat.h>

static daytona_client_t client;
static daytona_sandbox_t sandbox;
static const char *COMMAND = "{\"command\":\"echo hello\"}";

/* Ends the program on failure, else frees the result. */
static void check(int32_t status, char **out)
{
    if (status) {
        fprintf(stderr, "%s: %s\n", daytona_status_name(status), *out ? *out : "");
        exit(1);
    }
    daytona_free(*out);
    *out = NULL;
}

static void connect_to(const char *port)
{
    char text[512], *out = NULL;
    snprintf(text, sizeof text, "{\"apiKey\":\"bench\",\"apiUrl\":\"http://127.0.0.1:%s/api\"}", port);
    check(daytona_client_open(text, &client, &out), &out);
    snprintf(text, sizeof text,
             "{\"id\":\"00000000-0000-4000-8000-000000000001\",\"state\":\"started\","
             "\"toolboxProxyUrl\":\"http://127.0.0.1:%s/toolbox\"}",
             port);
    check(daytona_sandbox_attach(client, text, NULL, &sandbox, &out, NULL), &out);
}

static void execute(void)
{
    char *out = NULL;
    for (int i = 0; i < 200; i++)
        check(daytona_process_execute(sandbox, "echo hello", NULL, &out, NULL), &out);
    struct measure from = begin();
    for (int i = 0; i < EXECUTES; i++)
        check(daytona_process_execute(sandbox, "echo hello", NULL, &out, NULL), &out);
    report(from, EXECUTES);
}

static void submit(daytona_queue_t queue)
{
    char *out = NULL;
    check(daytona_submit(sandbox, "process.execute", COMMAND, NULL, 0, queue, 0, NULL, &out), &out);
}

/* A call of the echo target, which needs no server. */
static void submit_echo(daytona_queue_t queue)
{
    char *out = NULL;
    const char *params = "{\"result\":\"hello\",\"exitCode\":0}";
    check(daytona_submit(client, "echo.value", params, NULL, 0, queue, 0, NULL, &out), &out);
}

static void execute_queue(void)
{
    daytona_queue_t queue;
    daytona_event_t event;
    size_t count;
    char *out = NULL;
    check(daytona_queue_open(NULL, &queue, &out), &out);
    struct measure from;
    for (int i = -200; i < EXECUTES; i++) {
        if (i == 0)
            from = begin();
        submit(queue);
        require(!daytona_queue_next(queue, &event, 1, -1, &count) && !event.status, "execute failed");
    }
    report(from, EXECUTES);
}

static struct measure inline_from;
static int inline_left = EXECUTES + 200;
static pthread_mutex_t finished = PTHREAD_MUTEX_INITIALIZER;
static daytona_queue_t inline_queue;

static int32_t on_done(void *context, const daytona_event_t *event)
{
    (void)context;
    require(event->kind == DAYTONA_DONE && !event->status, "execute failed");
    if (--inline_left == EXECUTES)
        inline_from = begin();
    if (inline_left)
        submit(inline_queue);
    else
        pthread_mutex_unlock(&finished);
    return 0;
}

static void execute_inline(void)
{
    char *out = NULL;
    check(daytona_queue_open_callback("{\"inline\":true}", on_done, NULL, &inline_queue, &out), &out);
    pthread_mutex_lock(&finished);
    submit(inline_queue);
    pthread_mutex_lock(&finished);
    report(inline_from, EXECUTES);
}

/* Submits so many calls to one queue, so many at once, and takes their ends. */
static void run_calls(daytona_queue_t queue, void (*submit_one)(daytona_queue_t), int width, int calls)
{
    daytona_event_t events[64];
    size_t count;
    int submitted = 0, done = 0;
    for (; submitted < width && submitted < calls; submitted++)
        submit_one(queue);
    while (done < calls) {
        require(!daytona_queue_next(queue, events, 64, -1, &count), "queue_next failed");
        for (size_t k = 0; k < count; k++, done++) {
            require(!events[k].status, "a call failed");
            if (submitted < calls) {
                submit_one(queue);
                submitted++;
            }
        }
    }
}

/* Calls in flight, some of them beforehand. */
static void in_flight(void (*submit_one)(daytona_queue_t), int width, int calls, int warm)
{
    daytona_queue_t queue;
    char *out = NULL;
    check(daytona_queue_open(NULL, &queue, &out), &out);
    run_calls(queue, submit_one, width, warm);
    struct measure from = begin();
    run_calls(queue, submit_one, width, calls);
    report(from, calls);
}

/* What a fresh process does until its first answer. */
static void first(void)
{
    char *out = NULL;
    struct measure from = begin();
    check(daytona_sandbox_get(client, "sandbox", NULL, &sandbox, &out, NULL), &out);
    check(daytona_process_execute(sandbox, "echo hello", NULL, &out, NULL), &out);
    report(from, 1);
}

static void upload(const char *file)
{
    char *out = NULL;
    struct stat info;
    require(!stat(file, &info), file);
    check(daytona_process_execute(sandbox, "warm up", NULL, &out, NULL), &out);
    struct measure from = begin();
    check(daytona_files_upload(sandbox, file, "/tmp/upload", NULL, &out, NULL), &out);
    report(from, info.st_size / MIB);
}

static void download(const char *file)
{
    char *out = NULL;
    struct stat info;
    check(daytona_process_execute(sandbox, "warm up", NULL, &out, NULL), &out);
    struct measure from = begin();
    check(daytona_files_download(sandbox, "/tmp/download", file, NULL, &out, NULL), &out);
    require(!stat(file, &info), file);
    report(from, info.st_size / MIB);
}

static void read_all(const char *operation, const char *params)
{
    static uint8_t buffer[256 << 10];
    daytona_stream_t stream;
    char *out = NULL;
    size_t count, total = 0;
    int32_t status, channel;
    check(daytona_stream_open(sandbox, operation, params, 0, 0, &stream, &out), &out);
    struct measure from = begin();
    while (!(status = daytona_stream_read(stream, buffer, sizeof buffer, -1, &count, &channel)))
        total += count;
    require(status == DAYTONA_END_OF_STREAM, "the stream failed");
    require(total > (size_t)240 * MIB, "bytes are missing");
    report(from, 256);
}

static int32_t count_bytes(void *total, const daytona_event_t *event)
{
    if (event->kind == DAYTONA_DATA)
        *(size_t *)total += event->len;
    return 0;
}

/* As the examples do it: a callback looks at the data where it lies. */
static void follow(void)
{
    daytona_stream_t stream;
    char *out = NULL;
    size_t total = 0;
    check(daytona_stream_open(sandbox, "session.follow", "{\"id\":\"s\",\"commandId\":\"log-256\"}", 0, 0, &stream,
                              &out), &out);
    struct measure from = begin();
    check(daytona_stream_each(stream, count_bytes, &total, &out, NULL), &out);
    require(total > (size_t)240 * MIB, "bytes are missing");
    report(from, 256);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void echo(void)
{
    enum { TRIPS = 3000 };
    static double trips[TRIPS];
    daytona_stream_t stream;
    char *out = NULL;
    uint8_t byte;
    size_t count;
    int32_t channel;
    check(daytona_stream_open(sandbox, "pty.open", "{\"id\":\"echo\"}", 0, 0, &stream, &out), &out);
    struct measure began = begin();
    for (int i = 0; i < 2 * TRIPS; i++) {
        double from = wall_us();
        require(!daytona_stream_write(stream, (const uint8_t *)"x", 1, -1, NULL, NULL), "write failed");
        require(!daytona_stream_read(stream, &byte, 1, -1, &count, &channel), "read failed");
        if (i >= TRIPS)
            trips[i - TRIPS] = wall_us() - from;
    }
    qsort(trips, TRIPS, sizeof *trips, compare);
    report_trips(began, 2 * TRIPS, trips[TRIPS / 2]);
}

/* From the server's frame, whose text is the time at which it was sent, to its text in hand. */
static void interpreter(void)
{
    enum { RUNS = 200 };
    static double waits[RUNS];
    char *out = NULL, text[64];
    size_t count;
    int32_t channel;
    struct measure began = begin();
    for (int i = 0; i < RUNS; i++) {
        daytona_stream_t stream;
        check(daytona_stream_open(sandbox, "interpreter.run", "{\"code\":\"print()\"}", 0, 0, &stream, &out),
              &out);
        require(!daytona_stream_read(stream, (uint8_t *)text, sizeof text - 1, -1, &count, &channel),
                "read failed");
        text[count] = '\0';
        waits[i] = wall_us() - atof(text);
        while (!daytona_stream_read(stream, (uint8_t *)text, sizeof text, -1, &count, &channel))
            ;
        daytona_close(stream);
    }
    qsort(waits, RUNS, sizeof *waits, compare);
    report_trips(began, RUNS, waits[RUNS / 2]);
}

static void screenshot(void)
{
    char *out = NULL;
    size_t len;
    check(daytona_process_execute(sandbox, "warm up", NULL, &out, NULL), &out);
    struct measure from = begin();
    for (int i = 0; i < SCREENSHOTS; i++) {
        int32_t status = daytona_computer_screenshot_image(sandbox, NULL, &out, &len);
        require(status || len == SCREENSHOT_BYTES, "the image is not whole");
        check(status, &out);
    }
    report(from, SCREENSHOTS);
}

/* A sandbox of the server that the environment names. */
static void make_sandbox(void)
{
    char *out = NULL;
    check(daytona_client_open(NULL, &client, &out), &out);
    check(daytona_sandbox_create(client, NULL, &sandbox, &out, NULL), &out);
    check(daytona_process_execute(sandbox, "true", NULL, &out, NULL), &out);
}

static void delete_sandbox(void)
{
    char *out = NULL;
    check(daytona_sandbox_delete(sandbox, NULL, &out, NULL), &out);
}

static void sync_up(const char *directory)
{
    char *out = NULL;
    make_sandbox();
    struct measure from = begin();
    check(daytona_files_sync_up(sandbox, directory, "copy", NULL, &out, NULL), &out);
    report(from, SMALL_FILES);
    delete_sandbox();
}

/* What sync_up is measured beside: the same files, one files.upload after the other. */
static void upload_each(const char *directory)
{
    char *out = NULL, local[4096], remote[64];
    make_sandbox();
    struct measure from = begin();
    for (int i = 0; i < SMALL_FILES; i++) {
        snprintf(remote, sizeof remote, "copy/%d/%d", i / SMALL_FILES_EACH, i % SMALL_FILES_EACH);
        snprintf(local, sizeof local, "%s/%s", directory, remote + strlen("copy/"));
        check(daytona_files_upload(sandbox, local, remote, NULL, &out, NULL), &out);
    }
    report(from, SMALL_FILES);
    delete_sandbox();
}

static void list_pages(int lists)
{
    char *out = NULL, options[128], cursor[64] = "";
    struct measure from = begin();
    for (int i = 0; i < lists; i++) {
        int pages = 0;
        bool more = true;
        snprintf(options, sizeof options, "{\"limit\":200}");
        while (more) {
            int32_t status = daytona_sandbox_list(client, options, &out, NULL);
            more = !status && next_cursor(out, cursor, sizeof cursor);
            snprintf(options, sizeof options, "{\"limit\":200,\"cursor\":\"%s\"}", cursor);
            check(status, &out);
            pages++;
        }
        require(pages == PAGES, "pages are missing");
    }
    report(from, lists);
}

static void read_file(void)
{
    char *out = NULL;
    size_t len;
    check(daytona_process_execute(sandbox, "warm up", NULL, &out, NULL), &out);
    struct measure from = begin();
    int32_t status = daytona_files_read(sandbox, "/tmp/read", NULL, &out, &len);
    require(status || len == (size_t)256 * MIB, "bytes are missing");
    report(from, 256);
    check(status, &out);
}

static void context(const char *file)
{
    char *out = NULL, options[4096];
    daytona_sandbox_t made;
    snprintf(options, sizeof options,
             "{\"timeoutMs\":0,\"image\":{\"base\":\"b\",\"steps\":[{\"addLocalFile\":{\"localPath\":\"%s\","
             "\"remotePath\":\"/x\"}}]}}",
             file);
    struct measure from = begin();
    check(daytona_sandbox_create(client, options, &made, &out, NULL), &out);
    report(from, 1024);
}

static void list(void)
{
    char *out = NULL;
    size_t len;
    struct measure from = begin();
    for (int i = 0; i < LISTS; i++) {
        int32_t status = daytona_sandbox_list(client, NULL, &out, &len);
        require(len > MIB, "the list is short");
        check(status, &out);
    }
    report(from, LISTS);
}

/* Without linking: what a program pays that loads the library itself. */
static int open_library(const char *library)
{
    double from = wall_us();
    void *handle = dlopen(library, RTLD_NOW);
    require(handle != NULL, library);
    int32_t (*client_open)(const char *, daytona_client_t *, char **) = dlsym(handle, "daytona_client_open");
    char *out = NULL;
    require(!client_open("{\"apiKey\":\"bench\"}", &client, &out), "client_open failed");
    printf("{\"cpuUs\":0,\"wallUs\":%.0f,\"units\":1}\n", wall_us() - from);
    return 0;
}

static int argument_count;
static char **all_arguments;

static int number(int i)
{
    require(i < argument_count, "an argument is missing");
    return atoi(all_arguments[i]);
}

int main(int count, char **arguments)
{
    argument_count = count;
    all_arguments = arguments;
    require(count >= 3, "bench-daytona PORT MEASURE [ARGUMENT]");
    const char *measure = arguments[2];
    if (!strcmp(measure, "open"))
        return open_library(arguments[3]);
    if (!strcmp(measure, "sync-up")) {
        sync_up(arguments[3]);
        return 0;
    }
    if (!strcmp(measure, "upload-each")) {
        upload_each(arguments[3]);
        return 0;
    }
    if (!strcmp(measure, "echo-target")) {
        char *out = NULL;
        check(daytona_echo_open(NULL, &client, &out), &out);
        in_flight(submit_echo, number(3), number(4), number(5));
        return 0;
    }
    connect_to(arguments[1]);
    if (!strcmp(measure, "execute"))
        execute();
    else if (!strcmp(measure, "execute-queue"))
        execute_queue();
    else if (!strcmp(measure, "execute-inline"))
        execute_inline();
    else if (!strcmp(measure, "in-flight"))
        in_flight(submit, number(3), number(4), number(5));
    else if (!strcmp(measure, "first"))
        first();
    else if (!strcmp(measure, "upload"))
        upload(arguments[3]);
    else if (!strcmp(measure, "download"))
        download(arguments[3]);
    else if (!strcmp(measure, "context"))
        context(arguments[3]);
    else if (!strcmp(measure, "log"))
        follow();
    else if (!strcmp(measure, "flood"))
        read_all("pty.open", "{\"id\":\"flood\"}");
    else if (!strcmp(measure, "echo"))
        echo();
    else if (!strcmp(measure, "interpreter"))
        interpreter();
    else if (!strcmp(measure, "screenshot"))
        screenshot();
    else if (!strcmp(measure, "list"))
        list();
    else if (!strcmp(measure, "list-pages"))
        list_pages(number(3));
    else if (!strcmp(measure, "read"))
        read_file();
    else
        require(0, "no such measure");
    return 0;
}
