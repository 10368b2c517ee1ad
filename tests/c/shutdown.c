/* Shutting down: everything ends, what is in the queues can be read, and all can begin anew. */
#include "check.h"
#include <dirent.h>
#include <poll.h>

static int library_threads(void)
{
    int found = 0;
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *task; (task = readdir(tasks));) {
        char path[300], name[64] = "";
        snprintf(path, sizeof path, "/proc/self/task/%s/comm", task->d_name);
        FILE *comm = fopen(path, "r");
        if (comm && fgets(name, sizeof name, comm) && !strncmp(name, "daytona", 7))
            found++;
        if (comm)
            fclose(comm);
    }
    closedir(tasks);
    return found;
}

static void shutting_down_what_never_ran_is_quiet(void)
{
    CHECK(daytona_shutdown(0) == 0 && daytona_shutdown(-1) == 0);
}

static void everything_ends_and_the_queues_stay_readable(void)
{
    for (int round = 0; round < 5; round++) {
        daytona_client_t client = echo_client();
        daytona_queue_t queue = new_queue(NULL);
        daytona_call_t call;
        submit(client, "echo.delay", "{\"ms\":100000000}", queue, 1, &call);
        daytona_stream_t stream = open_stream(client, "{\"echo\":true}", queue);
        int64_t fd;
        CHECK(daytona_queue_fd(queue, &fd) == 0);
        struct pollfd shown = {.fd = (int)fd, .events = POLLIN};
        CHECK(daytona_shutdown(-1) == 0 && daytona_shutdown(-1) == 0);
        int done = 0, ended = 0;
        daytona_event_t event;
        size_t count;
        int32_t status = DAYTONA_OK;
        while (poll(&shown, 1, 20000) == 1 && (status = daytona_queue_next(queue, &event, 1, 0, &count)) == 0) {
            done += event.kind == DAYTONA_DONE && event.status == DAYTONA_CLOSED && event.source == call;
            ended += event.kind == DAYTONA_ENDED && event.status == DAYTONA_CLOSED && event.source == stream;
        }
        CHECK(status == DAYTONA_CLOSED && count == 0 && done == 1 && ended == 1);
        CHECK(daytona_queue_next(queue, &event, 1, 0, &count) == DAYTONA_CLOSED);
        CHECK(STATUS(daytona_call(client, "echo.value", "{}", NULL, 0, NULL, &out, &out_len)) == DAYTONA_CLOSED);
        for (int i = 0; i < 20000 && library_threads(); i++)
            usleep(1000); /* a thread leaves /proc a little later */
        CHECK(library_threads() == 0);
        close((int)fd);
        CHECK(daytona_close(stream) == 0 && daytona_close(queue) == 0 && daytona_close(client) == 0);
    }
}

static void asking_again_without_waiting_is_told_that_it_is_over(void)
{
    daytona_client_t client = echo_client();
    CHECK(STATUS(daytona_call(client, "echo.value", "{}", NULL, 0, NULL, &out, &out_len)) == 0);
    CHECK(daytona_shutdown(-1) == 0);
    for (int i = 0; i < 100; i++)
        CHECK(daytona_shutdown(0) == 0);
    daytona_close(client);
}

static atomic_int consumer;

static void *consume(void *queue)
{
    daytona_event_t event;
    size_t count;
    consumer = 1;
    consumer = 1000 + daytona_queue_next(*(daytona_queue_t *)queue, &event, 1, -1, &count);
    return NULL;
}

static void a_waiting_consumer_returns_closed(void)
{
    daytona_queue_t queue = new_queue(NULL);
    pthread_t thread;
    CHECK(!pthread_create(&thread, NULL, consume, &queue) && becomes(&consumer, 1));
    usleep(10000);
    CHECK(daytona_shutdown(-1) == 0);
    pthread_join(thread, NULL);
    CHECK(consumer == 1000 + DAYTONA_CLOSED);
    daytona_close(queue);
}

static atomic_int gate, at_gate, events;

static int32_t sticks(void *context, const daytona_event_t *event)
{
    (void)context;
    (void)event;
    events++;
    at_gate = 1;
    while (gate)
        usleep(1000);
    return 0;
}

static void it_waits_for_callbacks_and_says_timeout_until_they_return(void)
{
    for (int kind = 0; kind < 2; kind++) {
        daytona_client_t client = echo_client();
        daytona_queue_t queue;
        gate = 1;
        at_gate = events = 0;
        CHECK(STATUS(daytona_queue_open_callback(kind ? "{\"inline\":true}" : NULL, sticks, NULL, &queue, &out)) == 0);
        submit(client, "echo.value", "{}", queue, 0, NULL);
        submit(client, "echo.delay", "{\"ms\":100000000}", queue, 0, NULL);
        CHECK(becomes(&at_gate, 1));
        CHECK(daytona_shutdown(0) == DAYTONA_TIMEOUT);
        CHECK(daytona_shutdown(20) == DAYTONA_TIMEOUT);
        gate = 0;
        int32_t status;
        while ((status = daytona_shutdown(0)) == DAYTONA_TIMEOUT)
            usleep(1000); /* asking is enough: it goes on ending meanwhile */
        CHECK(status == 0 && events == 2);
        daytona_close(queue);
        daytona_close(client);
    }
}

static daytona_queue_t closed_queue;

static int32_t closes_its_queue_and_sticks(void *context, const daytona_event_t *event)
{
    daytona_close(closed_queue);
    return sticks(context, event);
}

static void however_often_it_is_asked_it_is_over_only_when_everything_has_ended(void)
{
    daytona_client_t client = echo_client();
    daytona_queue_t queue = new_queue(NULL);
    gate = 1;
    at_gate = 0;
    CHECK(STATUS(daytona_queue_open_callback("{\"inline\":true}", closes_its_queue_and_sticks, NULL, &closed_queue, &out)) == 0);
    submit(client, "echo.value", "{}", closed_queue, 0, NULL);
    CHECK(becomes(&at_gate, 1));
    /* The thread that drives is inside that callback, and the call cannot end. */
    submit(client, "echo.delay", "{\"ms\":100000000}", queue, 0, NULL);
    int32_t status = DAYTONA_TIMEOUT;
    for (int i = 0; i < 200 && status == DAYTONA_TIMEOUT; i++)
        status = daytona_shutdown(0);
    gate = 0;
    while (status == DAYTONA_TIMEOUT)
        status = daytona_shutdown(1);
    daytona_event_t event;
    size_t count;
    CHECK(status == 0 && daytona_queue_next(queue, &event, 1, 0, &count) == 0 && event.status == DAYTONA_CLOSED);
    daytona_close(queue);
    daytona_close(client);
}

static void a_later_client_starts_anew(void)
{
    daytona_client_t client = echo_client();
    daytona_queue_t queue = new_queue(NULL);
    submit(client, "echo.delay", "{\"ms\":5}", queue, 0, NULL);
    CHECK(next(queue).status == 0);
    CHECK(STATUS(daytona_call(client, "echo.value", "{}", NULL, 0, NULL, &out, &out_len)) == 0);
    CHECK(daytona_close(queue) == 0 && daytona_close(client) == 0);
}

static atomic_int stop;

static void *shut_down_often(void *unused)
{
    while (!stop)
        daytona_shutdown(rand() % 3);
    return unused;
}

static void a_shutdown_may_come_from_anywhere_at_any_time(void)
{
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        CHECK(!pthread_create(&threads[i], NULL, shut_down_often, NULL));
    for (int i = 0; i < 200; i++) {
        daytona_client_t client = echo_client();
        daytona_queue_t queue = new_queue(NULL);
        daytona_event_t event;
        size_t count;
        int32_t status = daytona_submit(client, "echo.delay", "{\"ms\":1}", NULL, 0, queue, 0, NULL, NULL);
        CHECK(status == 0 || status == DAYTONA_CLOSED);
        int32_t got = daytona_queue_next(queue, &event, 1, status ? 0 : -1, &count);
        if (status)
            CHECK(got == DAYTONA_CLOSED || got == DAYTONA_TIMEOUT);
        else
            CHECK(got == 0 && (event.status == 0 || event.status == DAYTONA_CLOSED));
        daytona_close(queue);
        daytona_close(client);
    }
    stop = 1;
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
}

static void *begin_anew(void *unused)
{
    while (!stop) {
        uint8_t byte;
        size_t count;
        daytona_stream_t stream;
        daytona_client_t client = 0;
        daytona_echo_open(NULL, &client, NULL);
        if (daytona_stream_open(client, "echo.stream", "{\"echo\":true}", 0, 0, &stream, NULL) == 0)
            daytona_stream_read(stream, &byte, 1, -1, &count, NULL); /* until a shutdown ends it */
        daytona_close(stream);
        daytona_close(client);
        events++;
    }
    return unused;
}

static void what_others_begin_meanwhile_does_not_keep_it_from_ending(void)
{
    pthread_t threads[3];
    stop = events = 0;
    for (int i = 0; i < 3; i++)
        CHECK(!pthread_create(&threads[i], NULL, begin_anew, NULL));
    while (events < 300)
        CHECK(daytona_shutdown(-1) == 0);
    stop = 1;
    CHECK(daytona_shutdown(-1) == 0);
    for (int i = 0; i < 3; i++) {
        /* One that had begun before it saw the end. */
        while (pthread_tryjoin_np(threads[i], NULL))
            CHECK(daytona_shutdown(-1) == 0);
    }
}

int main(void)
{
    RUN(shutting_down_what_never_ran_is_quiet);
    RUN(everything_ends_and_the_queues_stay_readable);
    RUN(asking_again_without_waiting_is_told_that_it_is_over);
    RUN(a_waiting_consumer_returns_closed);
    RUN(it_waits_for_callbacks_and_says_timeout_until_they_return);
    RUN(however_often_it_is_asked_it_is_over_only_when_everything_has_ended);
    RUN(a_later_client_starts_anew);
    RUN(a_shutdown_may_come_from_anywhere_at_any_time);
    RUN(what_others_begin_meanwhile_does_not_keep_it_from_ending);
    RUN(a_later_client_starts_anew);
    return 0;
}
