/* Forks: what the parent made answers FORKED in the child, which works with what it makes itself. */
#include "check.h"
#include <sys/wait.h>

/* Runs in a child, whose exit status says what broke. */
static void in_child(void (*test)(void))
{
    fflush(NULL);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        alarm(60);
        test();
        /* Not exit: valgrind would miss here what only the parent's threads pointed to. */
        execlp("true", "true", NULL);
        _exit(3);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    if (WIFSIGNALED(status))
        fprintf(stderr, "the child died of signal %d\n", WTERMSIG(status));
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void works(void)
{
    daytona_client_t client = echo_client();
    daytona_queue_t queue = new_queue(NULL);
    CHECK(STATUS(daytona_call(client, "echo.value", "{\"a\":1}", NULL, 0, NULL, &out, &out_len)) == 0 && number(out, "/a") == 1);
    for (int i = 0; i < 20; i++)
        submit(client, "echo.delay", "{\"ms\":1}", queue, 0, NULL);
    for (int i = 0; i < 20; i++)
        CHECK(next(queue).status == 0);
    daytona_stream_t stream = open_stream(client, "{\"chunks\":5}", queue);
    while (next(queue).kind != DAYTONA_ENDED)
        ;
    CHECK(daytona_close(stream) == 0 && daytona_close(queue) == 0 && daytona_close(client) == 0);
    CHECK(daytona_shutdown(-1) == 0);
}

static void loading_before_a_fork_costs_nothing(void)
{
    char *text;
    CHECK(daytona_json_quote("before", 6, &text) == 0);
    CHECK(daytona_abi_version() && daytona_operations());
    in_child(works);
    daytona_free(text);
}

static daytona_client_t client;
static daytona_sandbox_t sandbox;
static daytona_queue_t queue, callback_queue;
static daytona_call_t call;
static daytona_stream_t stream, queued;
static daytona_event_t event;
static char *text;

static int32_t on_event(void *context, const daytona_event_t *got)
{
    (void)context;
    (void)got;
    return 0;
}

static void inherited_handles_answer_forked(void)
{
    daytona_event_t got;
    uint8_t byte = 0;
    size_t count;
    int64_t fd;
    uint64_t made = 9;
#define FORKED(what) CHECK(STATUS(what) == DAYTONA_FORKED)
    FORKED(daytona_call(client, "echo.value", "{}", NULL, 0, NULL, &out, &out_len));
    CHECK(number(out, "/status") == DAYTONA_FORKED && says("fork"));
    FORKED(daytona_call(sandbox, "echo.value", "{}", NULL, 0, NULL, &out, &out_len));
    FORKED(daytona_sandbox_list(client, NULL, &out, NULL));
    FORKED(daytona_submit(client, "echo.value", "{}", NULL, 0, queue, 0, &made, &out));
    CHECK(made == 0);
    FORKED(daytona_cancel(call));
    FORKED(daytona_queue_next(queue, &got, 1, -1, &count));
    FORKED(daytona_queue_wake(queue));
    FORKED(daytona_queue_fd(queue, &fd));
    FORKED(daytona_stream_open(client, "echo.stream", "{}", queue, 0, &made, &out));
    FORKED(daytona_stream_open(client, "echo.stream", "{}", 0, 0, &made, &out));
    FORKED(daytona_stream_read(stream, &byte, 1, -1, &count, NULL));
    FORKED(daytona_stream_each(stream, on_event, NULL, &out, NULL));
    FORKED(daytona_stream_write(stream, &byte, 1, -1, &count, &out));
    FORKED(daytona_stream_finish(queued, &out));
    FORKED(daytona_stream_resume(queued));
    FORKED(daytona_stream_result(stream, -1, &out, NULL));
    FORKED(daytona_log(DAYTONA_LOG_DEBUG, queue, 0));
    /* The child's own handles beside the parent's. */
    daytona_client_t own = echo_client();
    daytona_queue_t own_queue = new_queue(NULL);
    FORKED(daytona_submit(client, "echo.value", "{}", NULL, 0, own_queue, 0, NULL, &out));
    FORKED(daytona_submit(own, "echo.value", "{}", NULL, 0, queue, 0, NULL, &out));
    CHECK(own != client && own_queue != queue);
    char *taken;
    CHECK(daytona_event_take(&event, &taken) == DAYTONA_INVALID_ARGUMENT);
    submit(own, "echo.value", "{}", own_queue, 0, NULL);
    CHECK(next(own_queue).status == 0);
    works();
    uint64_t all[] = {client, sandbox, queue, callback_queue, call, stream, queued};
    for (int twice = 0; twice < 2; twice++)
        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
            CHECK(daytona_close(all[i]) == 0);
    daytona_free(text);
    FORKED(daytona_call(client, "echo.value", "{}", NULL, 0, NULL, &out, &out_len));
}

static void only_closes(void)
{
    uint64_t all[] = {client, sandbox, queue, callback_queue, call, stream, queued};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        CHECK(daytona_close(all[i]) == 0);
    CHECK(daytona_shutdown(-1) == 0);
    daytona_free(text);
}

static void the_parents_handles_answer_forked_in_the_child_and_go_on_in_the_parent(void)
{
    client = echo_client();
    queue = new_queue(NULL);
    CHECK(STATUS(daytona_queue_open_callback(NULL, on_event, NULL, &callback_queue, &out)) == 0);
    CHECK(STATUS(daytona_call(client, "echo.handle", "{}", NULL, 0, &sandbox, &text, NULL)) == 0);
    submit(client, "echo.value", "{}", queue, 0, NULL);
    event = next(queue);
    submit(client, "echo.delay", "{\"ms\":300}", queue, 4, &call);
    stream = open_stream(client, "{\"echo\":true}", 0);
    queued = open_stream(client, "{\"echo\":true}", callback_queue);
    in_child(inherited_handles_answer_forked);
    in_child(only_closes);
    event = next(queue);
    CHECK(event.source == call && event.status == 0);
    uint8_t byte;
    size_t count;
    CHECK(daytona_stream_write(stream, (const uint8_t *)"p", 1, -1, NULL, NULL) == 0);
    CHECK(daytona_stream_read(stream, &byte, 1, -1, &count, NULL) == 0 && byte == 'p');
    CHECK(STATUS(daytona_call(sandbox, "echo.value", "{}", NULL, 0, NULL, &out, &out_len)) == 0);
    uint64_t all[] = {client, sandbox, queue, callback_queue, call, stream, queued};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        CHECK(daytona_close(all[i]) == 0);
    daytona_free(text);
    text = NULL;
}

static atomic_int stop;

static void *keep_busy(void *unused)
{
    daytona_client_t mine;
    daytona_queue_t events;
    daytona_event_t got;
    size_t count;
    daytona_echo_open(NULL, &mine, NULL);
    daytona_queue_open(NULL, &events, NULL);
    while (!stop) {
        char *result = NULL, *taken = NULL;
        daytona_call(mine, "echo.value", "{\"text\":\"abcdefghijklmnopqrstuvwxyz\"}", NULL, 0, NULL, &result, NULL);
        daytona_free(result);
        daytona_submit(mine, "echo.delay", "{\"ms\":0}", NULL, 0, events, 0, NULL, NULL);
        if (daytona_queue_next(events, &got, 1, -1, &count) == 0 && count)
            daytona_event_take(&got, &taken);
        daytona_free(taken);
    }
    daytona_close(events);
    daytona_close(mine);
    return unused;
}

static void a_fork_while_other_threads_are_inside_leaves_a_child_that_works(void)
{
    pthread_t threads[3];
    stop = 0;
    for (int i = 0; i < 3; i++)
        CHECK(!pthread_create(&threads[i], NULL, keep_busy, NULL));
    for (int i = 0; i < 60; i++)
        in_child(works);
    stop = 1;
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
}

static void *use_for_the_first_time(void *unused)
{
    daytona_client_t mine;
    char *result = NULL;
    daytona_echo_open(NULL, &mine, NULL);
    daytona_call(mine, "echo.value", "{}", NULL, 0, NULL, &result, NULL);
    daytona_free(result);
    daytona_close(mine);
    return unused;
}

static unsigned delay;

static void begins_and_forks(void)
{
    pthread_t thread;
    CHECK(!pthread_create(&thread, NULL, use_for_the_first_time, NULL));
    for (volatile unsigned i = 0; i < delay; i++)
        ;
    in_child(works);
    pthread_join(thread, NULL);
}

/* Has to be the first: each child is then one in which nothing was used before. */
static void a_fork_during_the_first_use_leaves_a_child_that_works(void)
{
    for (int i = 0; i < 60; i++) {
        delay = (unsigned)(i % 20) * 4000;
        in_child(begins_and_forks);
    }
}

/* A client of nobody: each call fails at once, after it went through everything that sends. */
static daytona_client_t client_of_nobody(void)
{
    daytona_client_t made = 0;
    daytona_client_open("{\"apiKey\":\"k\",\"apiUrl\":\"http://127.0.0.1:1/api\",\"retries\":0}", &made, NULL);
    return made;
}

static void *send_often(void *rounds)
{
    daytona_client_t mine = *(daytona_client_t *)rounds;
    for (int i = 0; i < 15 || (rounds == &client && !stop); i++)
        if (daytona_client_config(mine, NULL, NULL, NULL) != DAYTONA_CONNECTION)
            exit(8);
    return NULL;
}

static void sends_from_threads(void)
{
    daytona_client_t own = client_of_nobody();
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        CHECK(!pthread_create(&threads[i], NULL, send_often, &own));
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    CHECK(daytona_close(own) == 0 && daytona_shutdown(-1) == 0);
}

static void a_child_with_a_client_of_its_own_hangs_on_no_lock_of_the_parents_threads(void)
{
    pthread_t threads[3];
    stop = 0;
    client = client_of_nobody();
    for (int i = 0; i < 3; i++)
        CHECK(!pthread_create(&threads[i], NULL, send_often, &client));
    for (int i = 0; i < 60; i++)
        in_child(sends_from_threads);
    stop = 1;
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    daytona_close(client);
}

static void forks_again(void)
{
    works();
    client = echo_client();
    sandbox = queue = callback_queue = call = stream = queued = 0;
    text = NULL;
    in_child(only_closes);
    in_child(works);
    works();
}

static void a_child_may_fork(void)
{
    in_child(forks_again);
}

int main(void)
{
    RUN(a_fork_during_the_first_use_leaves_a_child_that_works);
    RUN(loading_before_a_fork_costs_nothing);
    RUN(the_parents_handles_answer_forked_in_the_child_and_go_on_in_the_parent);
    RUN(a_fork_while_other_threads_are_inside_leaves_a_child_that_works);
    RUN(a_child_with_a_client_of_its_own_hangs_on_no_lock_of_the_parents_threads);
    RUN(a_child_may_fork);
    return 0;
}
