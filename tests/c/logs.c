/* Log lines: to one queue, the latest, dropped before anything else, and counted. */
#include "check.h"

static daytona_client_t client;

/* A panic is a line at level error. */
static void a_line(void)
{
    CHECK(STATUS(daytona_call(client, "echo.panic", "{}", NULL, 0, NULL, &out, NULL)) == DAYTONA_PANIC);
}

static void the_latest_queue_gets_the_lines(void)
{
    daytona_queue_t first = new_queue(NULL), second = new_queue(NULL);
    CHECK(daytona_log(DAYTONA_LOG_ERROR, first, 11) == 0);
    a_line();
    daytona_event_t event = next(first);
    CHECK(event.kind == DAYTONA_LOG && event.user_data == 11 && event.source == 0 && event.status == 0);
    char *message, *level;
    CHECK(daytona_json_text((const char *)event.data, "/message", &message, NULL) == 0 && strstr(message, "echo.panic"));
    CHECK(daytona_json_text((const char *)event.data, "/level", &level, NULL) == 0 && !strcmp(level, "error"));
    CHECK(number((const char *)event.data, "/dropped") == 0);
    daytona_free(message);
    daytona_free(level);
    CHECK(daytona_log(DAYTONA_LOG_DEBUG, second, 12) == 0);
    a_line();
    do
        event = next(second);
    while (!strstr((const char *)event.data, "echo.panic"));
    CHECK(event.user_data == 12 && is_quiet(first));
    CHECK(daytona_log(DAYTONA_LOG_OFF, 0, 0) == 0);
    a_line();
    CHECK(is_quiet(second));
    CHECK(daytona_log(5, second, 0) == DAYTONA_INVALID_ARGUMENT && daytona_log(-1, second, 0) == DAYTONA_INVALID_ARGUMENT);
    CHECK(daytona_log(DAYTONA_LOG_DEBUG, 0, 0) == DAYTONA_INVALID_HANDLE);
    daytona_close(first);
    daytona_close(second);
}

static void closing_its_queue_ends_it(void)
{
    daytona_queue_t first = new_queue(NULL), second = new_queue(NULL);
    CHECK(daytona_log(DAYTONA_LOG_ERROR, first, 0) == 0);
    CHECK(daytona_close(first) == 0);
    a_line();
    CHECK(daytona_log(DAYTONA_LOG_ERROR, first, 0) == DAYTONA_INVALID_HANDLE);
    CHECK(daytona_log(DAYTONA_LOG_ERROR, second, 0) == 0);
    a_line();
    CHECK(next(second).kind == DAYTONA_LOG);
    daytona_close(second);
    a_line();
}

static void lines_that_are_dropped_are_counted(void)
{
    daytona_queue_t queue = new_queue("{\"capacityEvents\":1}");
    CHECK(daytona_log(DAYTONA_LOG_ERROR, queue, 0) == 0);
    enum { LINES = 1200 };
    for (int i = 0; i < LINES; i++)
        a_line();
    /* A DONE comes all the same. */
    submit(client, "echo.value", "{}", queue, 5, NULL);
    int64_t lines = 0, dropped = 0;
    daytona_event_t event;
    size_t count;
    int done = 0;
    while (daytona_queue_next(queue, &event, 1, done ? 0 : 20000, &count) == 0) {
        done += event.kind == DAYTONA_DONE;
        if (event.kind == DAYTONA_LOG) {
            lines++;
            dropped += number((const char *)event.data, "/dropped");
        }
    }
    CHECK(done == 1 && lines > 0 && lines < LINES && dropped == 0);
    a_line();
    dropped = number((const char *)next(queue).data, "/dropped");
    CHECK(lines + dropped == LINES);
    daytona_close(queue);
}

static atomic_int stop;

static void *make_lines(void *unused)
{
    while (!stop)
        daytona_call(client, "echo.panic", "{}", NULL, 0, NULL, NULL, NULL);
    return unused;
}

static void queues_may_come_and_go_while_lines_are_made(void)
{
    pthread_t thread;
    CHECK(!pthread_create(&thread, NULL, make_lines, NULL));
    for (uint64_t i = 0; i < 100; i++) {
        daytona_queue_t queue = new_queue(NULL);
        CHECK(daytona_log(DAYTONA_LOG_DEBUG, queue, i) == 0);
        daytona_event_t event;
        size_t count;
        if (daytona_queue_next(queue, &event, 1, 2, &count) == 0)
            CHECK(event.kind == DAYTONA_LOG && event.user_data == i);
        daytona_close(queue);
    }
    stop = 1;
    pthread_join(thread, NULL);
}

int main(void)
{
    client = echo_client();
    RUN(the_latest_queue_gets_the_lines);
    RUN(closing_its_queue_ends_it);
    RUN(lines_that_are_dropped_are_counted);
    RUN(queues_may_come_and_go_while_lines_are_made);
    daytona_close(client);
    return 0;
}
