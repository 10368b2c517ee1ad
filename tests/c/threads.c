/* What the library's threads are like, and what it leaves alone in the process. */
#include "check.h"
#include <dirent.h>
#include <dlfcn.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>

/* Calls `check` for every thread but this one; answers how many there are. */
static int for_each_library_thread(void (*check)(const char *name, unsigned long long blocked))
{
    int found = 0;
    DIR *tasks = opendir("/proc/self/task");
    CHECK(tasks);
    for (struct dirent *task; (task = readdir(tasks));) {
        if (task->d_name[0] == '.' || atoi(task->d_name) == getpid())
            continue;
        char path[300], line[256], name[64] = "";
        unsigned long long blocked = 0;
        snprintf(path, sizeof path, "/proc/self/task/%s/status", task->d_name);
        FILE *status = fopen(path, "r");
        if (!status)
            continue;
        while (fgets(line, sizeof line, status)) {
            sscanf(line, "Name: %63[^\n]", name);
            sscanf(line, "SigBlk: %llx", &blocked);
        }
        fclose(status);
        check(name, blocked);
        found++;
    }
    closedir(tasks);
    return found;
}

static void is_named_and_takes_faults(const char *name, unsigned long long blocked)
{
    int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    CHECK(!strncmp(name, "daytona", 7));
    for (int i = 0; i < 4; i++)
        CHECK(!(blocked >> (faults[i] - 1) & 1));
    CHECK(blocked >> (SIGINT - 1) & 1 && blocked >> (SIGCHLD - 1) & 1); /* the application's own threads take those */
}

static atomic_int stack_used;

static int32_t uses_a_mebibyte_of_stack(void *context, const daytona_event_t *event)
{
    (void)context;
    (void)event;
    volatile char room[1000 << 10];
    for (size_t i = 0; i < sizeof room; i += 512)
        room[i] = (char)i;
    stack_used += room[512] == room[1024 * 4 + 512] ? 1 : 1;
    return 0;
}

static void nothing_before(const char *name, unsigned long long blocked)
{
    (void)blocked;
    CHECK(strncmp(name, "daytona", 7));
}

static void loading_starts_no_thread(void)
{
    for_each_library_thread(nothing_before);
}

static void threads_are_named_take_faults_and_have_room(void)
{
    daytona_client_t client = echo_client();
    daytona_queue_t queues[2];
    const char *options[] = {NULL, "{\"inline\":true}"};
    for (int i = 0; i < 2; i++) {
        CHECK(STATUS(daytona_queue_open_callback(options[i], uses_a_mebibyte_of_stack, NULL, &queues[i], &out)) == 0);
        submit(client, "echo.value", "{}", queues[i], 0, NULL);
        CHECK(becomes(&stack_used, i + 1));
    }
    usleep(20000);
    CHECK(for_each_library_thread(is_named_and_takes_faults) >= 2);
    for (int i = 0; i < 2; i++)
        daytona_close(queues[i]);
    daytona_close(client);
}

static void no_signal_handler_is_installed(void)
{
    Dl_info library, handler;
    CHECK(dladdr((void *)daytona_close, &library));
    for (int number = 1; number < 32; number++) {
        struct sigaction action;
        if (number == SIGKILL || number == SIGSTOP || sigaction(number, NULL, &action))
            continue;
        if (action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN) /* a sanitizer's, perhaps */
            CHECK(dladdr((void *)action.sa_handler, &handler) && handler.dli_fbase != library.dli_fbase);
    }
}

static void nothing_is_printed(void)
{
    int pipes[2], saved[2] = {dup(1), dup(2)};
    char text[200] = "";
    CHECK(!pipe(pipes));
    dup2(pipes[1], 1);
    dup2(pipes[1], 2);
    close(pipes[1]);
    daytona_client_t client = echo_client();
    daytona_queue_t queue = new_queue(NULL);
    daytona_call(client, "echo.panic", "{}", NULL, 0, NULL, NULL, NULL);
    daytona_submit(client, "echo.panic", "{}", NULL, 0, queue, 0, NULL, NULL);
    next(queue);
    daytona_call(77, NULL, NULL, NULL, 0, NULL, NULL, NULL);
    daytona_close(queue);
    daytona_close(client);
    dup2(saved[0], 1);
    dup2(saved[1], 2);
    close(saved[0]);
    close(saved[1]);
    ssize_t printed = read(pipes[0], text, sizeof text - 1);
    close(pipes[0]);
    if (printed)
        fprintf(stderr, "printed: %s\n", text);
    CHECK(printed == 0);
}

static void the_code_is_never_unloaded(void)
{
    Dl_info info;
    CHECK(dladdr((void *)daytona_close, &info) && info.dli_fname);
    void *library = dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD);
    CHECK(library);
    dlclose(library);
    CHECK(dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD));
}

static void *everything(void *unused)
{
    daytona_client_t client = echo_client(), sender;
    daytona_sandbox_t sandbox;
    daytona_stream_t stream;
    char *text = NULL;
    CHECK(daytona_call(client, "echo.panic", "{}", NULL, 0, NULL, &text, NULL) == DAYTONA_PANIC);
    daytona_free(text);
    CHECK(daytona_call(client, "echo.delay", "{\"ms\":\"soon\"}", NULL, 0, NULL, NULL, NULL) == DAYTONA_INVALID_ARGUMENT);
    CHECK(daytona_client_open("{\"apiKey\":\"k\",\"apiUrl\":\"http://127.0.0.1:1\",\"retries\":0}", &sender, NULL) == 0);
    CHECK(daytona_sandbox_attach(sender, "some", NULL, &sandbox, NULL, NULL) == 0);
    CHECK(daytona_client_config(sender, NULL, NULL, NULL) == DAYTONA_CONNECTION);
    CHECK(daytona_process_run(sandbox, "true", NULL, NULL, NULL) == DAYTONA_CONNECTION);
    CHECK(daytona_files_sync_up(sandbox, ".", "/tmp/x", NULL, NULL, NULL) == DAYTONA_CONNECTION);
    CHECK(daytona_stream_open(sandbox, "pty.open", "{\"id\":\"x\"}", 0, 0, &stream, NULL) == DAYTONA_CONNECTION);
    daytona_close(sandbox);
    daytona_close(sender);
    daytona_close(client);
    return unused;
}

static void the_stack_that_the_header_asks_for_is_enough(void)
{
    pthread_attr_t attributes;
    pthread_t thread;
    CHECK(!pthread_attr_init(&attributes) && !pthread_attr_setstacksize(&attributes, 512 * 1024));
    CHECK(!pthread_create(&thread, &attributes, everything, NULL));
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
}

/* Takes a part of each upload and closes: the rest is then written to a connection that is gone. */
static void *closes_early(void *listener)
{
    static char piece[1 << 16];
    for (int peer; (peer = accept(*(int *)listener, NULL, NULL)) >= 0; close(peer)) {
        ssize_t taken = 0, more;
        while (taken < 1 << 20 && (more = read(peer, piece, sizeof piece)) > 0 && piece[0] != 'G')
            taken += more;
        shutdown(peer, SHUT_WR);
    }
    return NULL;
}

static void a_connection_that_the_peer_closes_is_an_error_and_no_signal(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(!bind(listener, (struct sockaddr *)&address, length) && !listen(listener, 9));
    CHECK(!getsockname(listener, (struct sockaddr *)&address, &length));
    pthread_t server;
    CHECK(!pthread_create(&server, NULL, closes_early, &listener));

    char config[200], json[200];
    int port = ntohs(address.sin_port);
    snprintf(config, sizeof config,
             "{\"apiKey\":\"key\",\"proxy\":\"\",\"retries\":0,\"apiUrl\":\"http://127.0.0.1:%d\"}", port);
    snprintf(json, sizeof json, "{\"id\":\"a\",\"toolboxProxyUrl\":\"http://127.0.0.1:%d\"}", port);
    daytona_client_t client;
    daytona_sandbox_t sandbox;
    CHECK(STATUS(daytona_client_open(config, &client, &out)) == 0);
    CHECK(STATUS(daytona_sandbox_attach(client, json, NULL, &sandbox, &out, NULL)) == 0);
    size_t size = 4 << 20;
    char *command = malloc(size);
    memset(command, 'x', size - 1);
    command[size - 1] = 0;
    /* By default the signal ends the program. */
    for (int i = 0; i < 5; i++)
        CHECK(STATUS(daytona_process_execute(sandbox, command, NULL, &out, NULL)) == DAYTONA_CONNECTION);
    free(command);
    sigset_t blocked, waiting;
    CHECK(!pthread_sigmask(SIG_SETMASK, NULL, &blocked) && !sigismember(&blocked, SIGPIPE));
    CHECK(!sigpending(&waiting) && !sigismember(&waiting, SIGPIPE));
    daytona_close(sandbox);
    daytona_close(client);
    shutdown(listener, SHUT_RDWR);
    CHECK(!pthread_join(server, NULL) && !close(listener));
}

int main(void)
{
    RUN(loading_starts_no_thread);
    RUN(threads_are_named_take_faults_and_have_room);
    RUN(no_signal_handler_is_installed);
    RUN(nothing_is_printed);
    RUN(the_code_is_never_unloaded);
    RUN(the_stack_that_the_header_asks_for_is_enough);
    RUN(a_connection_that_the_peer_closes_is_an_error_and_no_signal);
    return 0;
}
