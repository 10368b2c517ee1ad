/* Queues drained with queue_next: batches, waking, one consumer, capacity, the descriptor. */
#include "check.h"
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>

static void nothing_in_time_is_timeout_with_count_zero(void)
{
    daytona_queue_t queue = new_queue(NULL);
    daytona_event_t event;
    size_t count = 5;
    CHECK(daytona_queue_next(queue, &event, 1, 0, &count) == DAYTONA_TIMEOUT && count == 0);
    count = 5;
    CHECK(daytona_queue_next(queue, &event, 1, 10, &count) == DAYTONA_TIMEOUT && count == 0);
    CHECK(daytona_queue_next(queue, &event, 0, 0, &count) == DAYTONA_INVALID_ARGUMENT);
    daytona_close(queue);
}

static void a_wake_makes_the_next_one_return_with_count_zero(void)
{
    daytona_client_t client = echo_client();
    daytona_queue_t queue = new_queue(NULL);
    daytona_event_t event;
    size_t count = 5;
    CHECK(daytona_queue_wake(queue) == 0 && daytona_queue_wake(queue) == 0);
    CHECK(daytona_queue_next(queue, &event, 1, -1, &count) == 0 && count == 0);
    CHECK(is_quiet(queue));
    submit(client, "echo.value", "{}", queue, 0, NULL);
    usleep(30000);
    CHECK(daytona_queue_wake(queue) == 0);
    CHECK(daytona_queue_next(queue, &event, 1, -1, &count) == 0 && count == 0);
    CHECK(next(queue).kind == DAYTONA_DONE);
    daytona_close(queue);
    daytona_close(client);
}

static daytona_queue_t shared;
static atomic_int answer, waiting;

static void *wait_in_queue(void *unused)
{
    daytona_event_t event;
    size_t count = 9;
    waiting = 1;
    int32_t status;
    while ((status = daytona_queue_next(shared, &event, 1, -1, &count)) == DAYTONA_BUSY)
        ; /* the other one looks whether we wait */
    answer = status * 10 + (int)count + 1000;
    return unused;
}

static pthread_t a_waiting_consumer(void)
{
    pthread_t thread;
    daytona_event_t event;
    size_t count;
    waiting = answer = 0;
    CHECK(!pthread_create(&thread, NULL, wait_in_queue, NULL));
    while (daytona_queue_next(shared, &event, 1, 0, &count) != DAYTONA_BUSY)
        sched_yield();
    CHECK(count == 0);
    return thread;
}

static void a_wake_makes_the_waiting_one_return_and_a_second_consumer_is_busy(void)
{
    shared = new_queue(NULL);
    pthread_t thread = a_waiting_consumer();
    CHECK(daytona_queue_wake(shared) == 0);
    pthread_join(thread, NULL);
    CHECK(answer == 1000);
    CHECK(is_quiet(shared));
    daytona_close(shared);
}

static void a_queue_closed_by_another_thread_ends_the_wait_with_closed(void)
{
    for (int i = 0; i < 20; i++) {
        shared = new_queue(NULL);
        pthread_t thread = a_waiting_consumer();
        CHECK(daytona_close(shared) == 0);
        pthread_join(thread, NULL);
        CHECK(answer == 1000 + 10 * DAYTONA_CLOSED);
    }
}

static void *close_shared(void *unused)
{
    daytona_close(shared);
    return unused;
}

static void a_batch_stays_valid_until_the_next_one_also_when_another_thread_closes_the_queue(void)
{
    daytona_client_t client = echo_client();
    pthread_t thread;
    unsigned wait_us = 50000;
    for (int round = 0; round < 2;) {
        shared = new_queue(NULL);
        for (int i = 0; i < 8; i++) {
            char params[64];
            snprintf(params, sizeof params, "{\"number\":%d}", i);
            submit(client, "echo.value", params, shared, (uint64_t)i, NULL);
        }
        usleep(wait_us);
        daytona_event_t events[8];
        size_t count;
        CHECK(daytona_queue_next(shared, events, 8, -1, &count) == 0);
        if (count < 8) { /* not all were done by then: again, with more time */
            wait_us *= 2;
            daytona_close(shared);
            continue;
        }
        CHECK(!pthread_create(&thread, NULL, close_shared, NULL));
        pthread_join(thread, NULL);
        daytona_queue_t slot = new_queue(NULL); /* perhaps in the same place */
        for (size_t i = 0; i < 8; i++)
            CHECK(number((const char *)events[i].data, "/number") == (int64_t)events[i].user_data);
        char *taken;
        CHECK(daytona_event_take(&events[3], &taken) == 0 && number(taken, "/number") == 3);
        if (round++)
            CHECK(is_quiet(slot)); /* frees the others */
        CHECK(number(taken, "/number") == 3);
        daytona_free(taken);
        daytona_close(slot);
    }
    daytona_close(client);
}

static void *take_and_close(void *client)
{
    daytona_queue_t queue = new_queue(NULL);
    CHECK(daytona_submit(*(daytona_client_t *)client, "echo.value", "{\"text\":\"0123456789012345678901234567890123456789\"}",
                         NULL, 0, queue, 0, NULL, NULL) == 0);
    next(queue);
    daytona_close(queue);
    return NULL;
}

static void a_consumer_that_ends_leaves_nothing_behind(void)
{
    daytona_client_t client = echo_client();
    for (int i = 0; i < 200; i++) {
        pthread_t thread;
        CHECK(!pthread_create(&thread, NULL, take_and_close, &client));
        pthread_join(thread, NULL);
    }
    daytona_close(client);
}

static int readable(int64_t fd)
{
    struct pollfd poll_fd = {.fd = (int)fd, .events = POLLIN};
    return poll(&poll_fd, 1, 0) == 1 && poll_fd.revents & POLLIN;
}

static int becomes_readable(int64_t fd)
{
    struct pollfd poll_fd = {.fd = (int)fd, .events = POLLIN};
    return poll(&poll_fd, 1, 20000) == 1;
}

static void the_descriptor_is_readable_exactly_when_something_is_waiting(void)
{
    daytona_client_t client = echo_client();
    daytona_queue_t queue = new_queue(NULL);
    int64_t fd = 0, second = 0;
    char byte;
    CHECK(daytona_queue_fd(queue, &fd) == 0 && daytona_queue_fd(queue, &second) == 0 && fd != second && fd >= 0);
    CHECK(fcntl((int)fd, F_GETFD) & FD_CLOEXEC && fcntl((int)fd, F_GETFL) & O_NONBLOCK);
    char link[64], path[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", (int)fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    CHECK(length > 5 && !strncmp(path, "pipe:", 5));
    CHECK(!readable(fd) && read((int)fd, &byte, 1) < 0);
    for (int reads = 0; reads < 2; reads++) {
        for (int i = 0; i < 3; i++)
            submit(client, "echo.value", "{}", queue, 0, NULL);
        for (int left = 2; left >= 0; left--) {
            CHECK(becomes_readable(fd) && becomes_readable(second));
            if (reads)
                while (read((int)fd, &byte, 1) > 0)
                    ;
            next(queue);
        }
        CHECK(is_quiet(queue) && !readable(fd) && !readable(second));
    }
    /* An event that comes after the caller read the byte shows, too. */
    submit(client, "echo.value", "{}", queue, 0, NULL);
    CHECK(becomes_readable(fd));
    CHECK(read((int)fd, &byte, 1) == 1 && !readable(fd));
    submit(client, "echo.value", "{}", queue, 0, NULL);
    CHECK(becomes_readable(fd));
    next(queue);
    CHECK(readable(fd));
    next(queue);
    CHECK(!readable(fd));
    CHECK(daytona_queue_wake(queue) == 0 && readable(fd));
    daytona_event_t event;
    size_t count;
    CHECK(daytona_queue_next(queue, &event, 1, 0, &count) == 0 && count == 0 && !readable(fd));
    close((int)second);
    submit(client, "echo.value", "{}", queue, 0, NULL);
    CHECK(becomes_readable(fd));
    close((int)fd);
    daytona_close(queue);
    daytona_close(client);
}

static void the_descriptor_forgets_what_was_closed(void)
{
    daytona_client_t client = echo_client();
    daytona_queue_t queue = new_queue(NULL);
    int64_t fd;
    CHECK(daytona_queue_fd(queue, &fd) == 0);
    daytona_stream_t stream = open_stream(client, "{\"chunks\":3}", queue);
    CHECK(becomes_readable(fd));
    usleep(30000);
    CHECK(daytona_close(stream) == 0);
    CHECK(!readable(fd) && is_quiet(queue));
    daytona_call_t call;
    submit(client, "echo.value", "{}", queue, 0, &call);
    CHECK(becomes_readable(fd));
    CHECK(daytona_close(call) == 0);
    CHECK(!readable(fd));
    submit(client, "echo.delay", "{\"ms\":100000}", queue, 0, &call);
    CHECK(daytona_close(call) == 0);
    usleep(30000);
    CHECK(!readable(fd));
    close((int)fd);
    daytona_close(queue);
    daytona_close(client);
}

static void epoll_needs_nobody_in_the_library(void)
{
    daytona_client_t client = echo_client();
    daytona_queue_t queue = new_queue(NULL);
    int64_t fd;
    int epoll = epoll_create1(0);
    struct epoll_event wanted = {.events = EPOLLIN}, came;
    CHECK(daytona_queue_fd(queue, &fd) == 0);
    CHECK(!epoll_ctl(epoll, EPOLL_CTL_ADD, (int)fd, &wanted));
    size_t done = 0, count;
    for (uint64_t i = 0; i < 100; i++)
        submit(client, "echo.delay", "{\"ms\":3}", queue, i, NULL);
    while (done < 100) {
        CHECK(epoll_wait(epoll, &came, 1, 20000) == 1);
        daytona_event_t events[7];
        int32_t status = daytona_queue_next(queue, events, 7, 0, &count);
        CHECK(status == 0 && count > 0);
        done += count;
    }
    CHECK(epoll_wait(epoll, &came, 1, 30) == 0);
    close(epoll);
    close((int)fd);
    daytona_close(queue);
    daytona_close(client);
}

static void capacity_bounds_data_alone(const char *options, const char *params, int chunks)
{
    daytona_client_t client = echo_client();
    daytona_queue_t queue = new_queue(options);
    daytona_stream_t first = open_stream(client, params, queue), second = open_stream(client, params, queue);
    usleep(50000); /* the queue is full by now */
    for (int i = 0; i < 50; i++)
        submit(client, "echo.value", "{}", queue, 5, NULL);
    int data[2] = {0}, done = 0, opened = 0, ended = 0;
    while (ended < 2 || done < 50) {
        daytona_event_t event = next(queue);
        int which = event.source == second;
        CHECK(event.kind == DAYTONA_DONE || event.source == first || event.source == second);
        opened += event.kind == DAYTONA_OPENED;
        ended += event.kind == DAYTONA_ENDED;
        done += event.kind == DAYTONA_DONE;
        if (event.kind == DAYTONA_DATA)
            CHECK(event.data[0] == 'a' + data[which]++ % 26);
    }
    CHECK(opened == 2 && data[0] == chunks && data[1] == chunks);
    CHECK(is_quiet(queue));
    daytona_close(first);
    daytona_close(second);
    daytona_close(queue);
    daytona_close(client);
}

static void a_full_queue_pauses_streams_and_loses_nothing(void)
{
    capacity_bounds_data_alone("{\"capacityEvents\":1}", "{\"chunks\":100}", 100);
    capacity_bounds_data_alone("{\"capacityBytes\":1}", "{\"chunks\":60,\"size\":100}", 60);
    capacity_bounds_data_alone("{\"capacityEvents\":5,\"capacityBytes\":1000}", "{\"chunks\":60,\"size\":100}", 60);
}

static void a_full_queue_holds_no_more_than_its_capacity(void)
{
    daytona_client_t client = echo_client();
    daytona_queue_t queue = new_queue("{\"capacityEvents\":10}");
    daytona_stream_t stream = open_stream(client, "{\"chunks\":1000}", queue);
    CHECK(next(queue).kind == DAYTONA_OPENED && next(queue).kind == DAYTONA_DATA);
    usleep(50000);
    daytona_event_t events[1100];
    size_t count;
    CHECK(daytona_queue_next(queue, events, 1100, -1, &count) == 0 && count <= 10 && events[0].kind == DAYTONA_DATA);
    daytona_close(stream);
    CHECK(is_quiet(queue));
    daytona_close(queue);
    daytona_close(client);
}

static void the_event_is_laid_out_as_promised(void)
{
    _Static_assert(sizeof(daytona_event_t) == 64, "64 bytes");
#define AT(field, offset) _Static_assert(offsetof(daytona_event_t, field) == offset, #field)
    AT(source, 0);
    AT(user_data, 8);
    AT(result, 16);
    AT(position, 24);
    AT(data, 32);
    AT(len, 40);
    AT(kind, 48);
    AT(status, 52);
    AT(channel, 56);
    AT(reserved, 60);
}

static void *free_it(void *data)
{
    daytona_free(data);
    return NULL;
}

static void data_is_taken_once_without_a_copy_and_freed_by_any_thread(void)
{
    daytona_client_t client = echo_client();
    daytona_queue_t queue = new_queue(NULL);
    size_t sizes[] = {1, 16, 5000, 3 << 20};
    for (size_t i = 0; i < 4; i++) {
        char params[80];
        snprintf(params, sizeof params, "{\"chunks\":1,\"size\":%zu}", sizes[i]);
        daytona_stream_t stream = open_stream(client, params, queue);
        char *data = (char *)1;
        daytona_event_t event = next(queue);
        CHECK(event.kind == DAYTONA_OPENED);
        event = next(queue);
        CHECK(event.kind == DAYTONA_DATA && event.len == sizes[i] && event.position == sizes[i]);
        CHECK(daytona_event_take(&event, &data) == 0 && data == (const char *)event.data);
        char *again = (char *)1;
        CHECK(daytona_event_take(&event, &again) == DAYTONA_INVALID_ARGUMENT && again == NULL);
        event = next(queue);
        CHECK(event.kind == DAYTONA_ENDED && data[0] == 'a' && data[sizes[i] - 1] == 'a');
        CHECK(daytona_event_take(&event, &again) == 0 && again[event.len] == 0 && strlen(again) == event.len);
        CHECK(is_quiet(queue));
        CHECK(daytona_event_take(&event, &(char *){NULL}) == DAYTONA_INVALID_ARGUMENT);
        CHECK(number(again, "/exitCode") == 0 && data[0] == 'a');
        pthread_t thread;
        CHECK(!pthread_create(&thread, NULL, free_it, data));
        pthread_join(thread, NULL);
        daytona_free(again);
        daytona_close(stream);
    }
    daytona_close(queue);
    daytona_close(client);
}

static void behind_the_data_of_every_done_and_ended_stands_a_nul(void)
{
    daytona_client_t client = echo_client();
    daytona_queue_t queue = new_queue(NULL);
    const char *calls[][2] = {{"echo.bytes", "{}"}, {"echo.value", "{\"a\":1}"}, {"echo.error", "{\"status\":404}"},
                              {"echo.handle", "{}"}, {"echo.delay", "{\"ms\":0}"}, {"echo.panic", "{}"}};
    daytona_call_t call;
    char *taken;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        submit(client, calls[i][0], calls[i][1], queue, 0, NULL);
        daytona_event_t event = next(queue);
        CHECK(event.kind == DAYTONA_DONE && event.data[event.len] == 0);
        CHECK(i || event.len == 0);
        CHECK(daytona_event_take(&event, &taken) == 0 && taken && taken[event.len] == 0);
        daytona_free(taken);
        daytona_close(event.result);
    }
    submit(client, "echo.delay", "{\"ms\":100000000}", queue, 0, &call);
    daytona_cancel(call);
    next(queue);
    const char *streams[] = {"{\"chunks\":0}", "{\"chunks\":1,\"size\":0}", "{\"channel\":9}"};
    for (size_t i = 0; i < 3; i++) {
        daytona_stream_t stream = open_stream(client, streams[i], queue);
        daytona_event_t event;
        do {
            event = next(queue);
            CHECK(daytona_event_take(&event, &taken) == 0 && taken);
            CHECK(event.kind == DAYTONA_DATA || taken[event.len] == 0);
            daytona_free(taken);
        } while (event.kind != DAYTONA_ENDED);
        daytona_close(stream);
    }
    daytona_close(queue);
    daytona_close(client);
}

static void the_data_of_an_empty_event_is_taken_once(void)
{
    daytona_client_t client = echo_client();
    daytona_queue_t queue = new_queue(NULL);
    char *taken = NULL, *again = (char *)1;
    submit(client, "echo.bytes", NULL, queue, 0, NULL);
    daytona_event_t event = next(queue), copy = event;
    CHECK(daytona_event_take(&copy, &taken) == 0 && taken[0] == 0);
    CHECK(daytona_event_take(&event, &again) == DAYTONA_INVALID_ARGUMENT && again == NULL);
    daytona_free(taken);
    daytona_close(queue);
    daytona_close(client);
}

int main(void)
{
    RUN(behind_the_data_of_every_done_and_ended_stands_a_nul);
    RUN(the_data_of_an_empty_event_is_taken_once);
    RUN(nothing_in_time_is_timeout_with_count_zero);
    RUN(a_wake_makes_the_next_one_return_with_count_zero);
    RUN(a_wake_makes_the_waiting_one_return_and_a_second_consumer_is_busy);
    RUN(a_queue_closed_by_another_thread_ends_the_wait_with_closed);
    RUN(a_batch_stays_valid_until_the_next_one_also_when_another_thread_closes_the_queue);
    RUN(a_consumer_that_ends_leaves_nothing_behind);
    RUN(the_descriptor_is_readable_exactly_when_something_is_waiting);
    RUN(the_descriptor_forgets_what_was_closed);
    RUN(epoll_needs_nobody_in_the_library);
    RUN(a_full_queue_pauses_streams_and_loses_nothing);
    RUN(a_full_queue_holds_no_more_than_its_capacity);
    RUN(the_event_is_laid_out_as_promised);
    RUN(data_is_taken_once_without_a_copy_and_freed_by_any_thread);
    return 0;
}
