/* A machine that starts no more threads: what was accepted is completed all the same. */
#include "check.h"
#include <dlfcn.h>
#include <errno.h>

static atomic_int refuse, refused;

/* Stands before the C library's, which the library would call. */
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument)
{
    int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) = NULL;
    *(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
    if (refuse) {
        refused++;
        return EAGAIN;
    }
    return real(thread, attributes, start, argument);
}

static atomic_int done, ended;

static int32_t count(void *context, const daytona_event_t *event)
{
    (void)context;
    done += event->kind == DAYTONA_DONE && event->status == 0;
    ended += event->kind == DAYTONA_ENDED && event->status == 0;
    return 0;
}

static void submitted_calls_and_streams_of_a_callback_queue_end(void)
{
    daytona_client_t client = echo_client();
    daytona_queue_t queue;
    CHECK(STATUS(daytona_queue_open_callback(NULL, count, NULL, &queue, &out)) == 0);
    refuse = 1;
    for (int i = 0; i < 10; i++)
        submit(client, "echo.delay", "{\"ms\":5}", queue, 0, NULL);
    daytona_stream_t stream = open_stream(client, "{\"chunks\":3,\"delayMs\":2}", queue);
    CHECK(becomes(&done, 10) && becomes(&ended, 1) && refused > 0);
    daytona_close(stream);
    CHECK(STATUS(daytona_call(client, "echo.delay", "{\"ms\":1}", NULL, 0, NULL, &out, NULL)) == 0);
    refuse = 0;
    for (int i = 0; i < 10; i++)
        submit(client, "echo.delay", "{\"ms\":5}", queue, 0, NULL);
    CHECK(becomes(&done, 20));
    daytona_close(queue);
    daytona_close(client);
    CHECK(daytona_shutdown(-1) == 0);
}

static void a_submit_to_an_inline_queue_says_that_nothing_could_run_it(void)
{
    daytona_client_t client = echo_client();
    daytona_queue_t queue;
    daytona_call_t call = 7;
    daytona_stream_t stream = 7;
    done = 0;
    CHECK(STATUS(daytona_queue_open_callback("{\"inline\":true}", count, NULL, &queue, &out)) == 0);
    refuse = 1;
    CHECK(STATUS(daytona_submit(client, "echo.value", "{}", NULL, 0, queue, 0, &call, &out)) == DAYTONA_IO && call == 0);
    CHECK(says("thread"));
    CHECK(STATUS(daytona_stream_open(client, "echo.stream", "{}", queue, 0, &stream, &out)) == DAYTONA_IO && stream == 0);
    refuse = 0;
    submit(client, "echo.value", "{}", queue, 0, NULL);
    CHECK(becomes(&done, 1));
    CHECK(daytona_shutdown(-1) == 0 && done == 1);
    daytona_close(queue);
    daytona_close(client);
}

static void a_consumer_drives_itself(void)
{
    daytona_client_t client = echo_client();
    daytona_queue_t queue = new_queue(NULL);
    refuse = 1;
    for (int i = 0; i < 5; i++)
        submit(client, "echo.delay", "{\"ms\":2}", queue, 0, NULL);
    for (int i = 0; i < 5; i++)
        CHECK(next(queue).status == 0);
    refuse = 0;
    daytona_close(queue);
    daytona_close(client);
}

static void a_call_that_needs_one_says_so(void)
{
    /* A name has to be looked up, and the certificate authorities to be read. */
    const char *urls[] = {"http://localhost:1/api", "https://127.0.0.1:1/api"};
    refuse = 1;
    for (int i = 0; i < 2; i++) {
        daytona_client_t client;
        daytona_sandbox_t sandbox;
        char config[100];
        snprintf(config, sizeof config, "{\"apiKey\":\"key\",\"proxy\":\"\",\"apiUrl\":\"%s\"}", urls[i]);
        CHECK(STATUS(daytona_client_open(config, &client, &out)) == 0);
        CHECK(STATUS(daytona_sandbox_get(client, "a", NULL, &sandbox, &out, NULL)) == DAYTONA_IO);
        CHECK(says("thread"));
        daytona_close(client);
    }
    refuse = 0;
}

int main(void)
{
    RUN(submitted_calls_and_streams_of_a_callback_queue_end);
    RUN(a_submit_to_an_inline_queue_says_that_nothing_could_run_it);
    RUN(a_consumer_drives_itself);
    RUN(a_call_that_needs_one_says_so);
    return 0;
}
