/* Errors say where they come from: the operation, the sandbox, the name that a create sent. */
#include "check.h"
#include <arpa/inet.h>
#include <sys/socket.h>

/* A client of a server that accepts connections and never answers. */
static daytona_client_t client_of_a_silent_server(int *listener)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    *listener = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(*listener >= 0 && !bind(*listener, (struct sockaddr *)&address, length) && !listen(*listener, 64));
    CHECK(!getsockname(*listener, (struct sockaddr *)&address, &length));
    char config[120];
    snprintf(config, sizeof config, "{\"apiKey\":\"k\",\"apiUrl\":\"http://127.0.0.1:%d/api\",\"retries\":0}", ntohs(address.sin_port));
    daytona_client_t client;
    CHECK(STATUS(daytona_client_open(config, &client, &out)) == 0);
    return client;
}

static daytona_sandbox_t attached(daytona_client_t client)
{
    daytona_sandbox_t sandbox;
    CHECK(STATUS(daytona_sandbox_attach(client, "box-1", NULL, &sandbox, &out, NULL)) == 0);
    return sandbox;
}

/* The JSON has this text there; NULL: nothing, or null. */
static int has(const char *json, const char *pointer, const char *wanted)
{
    char *text = NULL;
    int32_t status = daytona_json_text(json, pointer, &text, NULL);
    int right = wanted ? status == 0 && !strcmp(text, wanted) : status == DAYTONA_NO_MATCH;
    if (!right)
        fprintf(stderr, "%s is %s, not %s, in %s\n", pointer, text ? text : "nothing", wanted ? wanted : "nothing", json);
    daytona_free(text);
    return right;
}

static void a_refusal_names_the_operation(void)
{
    daytona_client_t client = echo_client();
    daytona_queue_t queue = new_queue(NULL);
    daytona_stream_t stream;
    CHECK(STATUS(daytona_call(client, "echo.stream", "{}", NULL, 0, NULL, &out, NULL)) == DAYTONA_INVALID_ARGUMENT);
    CHECK(says("echo.stream is a stream: open it as one") && has(out, "/operation", "echo.stream"));
    CHECK(STATUS(daytona_submit(client, "echo.stream", "{}", NULL, 0, queue, 0, NULL, &out)) == DAYTONA_INVALID_ARGUMENT);
    CHECK(says("echo.stream is a stream: open it as one") && has(out, "/operation", "echo.stream"));
    CHECK(STATUS(daytona_stream_open(client, "echo.value", "{}", 0, 0, &stream, &out)) == DAYTONA_INVALID_ARGUMENT);
    CHECK(says("echo.value is a call: call it") && has(out, "/operation", "echo.value"));
    CHECK(STATUS(daytona_call(client, "echo.handle", "{}", NULL, 0, NULL, &out, NULL)) == DAYTONA_INVALID_ARGUMENT);
    CHECK(says("`result` is NULL") && has(out, "/operation", "echo.handle"));
    CHECK(STATUS(daytona_call(client, "echo.bytes", "{}", NULL, 7, NULL, &out, &out_len)) == DAYTONA_INVALID_ARGUMENT);
    CHECK(says("`data` is NULL") && has(out, "/operation", "echo.bytes"));
    CHECK(STATUS(daytona_call(5, "echo.value", "{}", NULL, 0, NULL, &out, NULL)) == DAYTONA_INVALID_HANDLE);
    CHECK(has(out, "/operation", "echo.value") && has(out, "/sandboxId", NULL));
    CHECK(STATUS(daytona_sandbox_create(client, NULL, NULL, &out, NULL)) == DAYTONA_INVALID_ARGUMENT);
    CHECK(has(out, "/operation", "sandbox.create"));
    daytona_close(queue);
    daytona_close(client);
}

/* A wrapper closes both; its user knows the client alone. */
static void a_closed_client_is_named_before_its_closed_queue(void)
{
    daytona_client_t client = echo_client();
    daytona_queue_t queue = new_queue(NULL);
    daytona_stream_t stream;
    CHECK(daytona_close(client) == 0 && daytona_close(queue) == 0);
    CHECK(STATUS(daytona_submit(client, "echo.value", "{}", NULL, 0, queue, 0, NULL, &out)) == DAYTONA_INVALID_HANDLE);
    CHECK(says("this client handle is closed"));
    CHECK(STATUS(daytona_stream_open(client, "echo.stream", "{}", queue, 0, &stream, &out)) == DAYTONA_INVALID_HANDLE);
    CHECK(says("this client handle is closed"));
}

static void a_refusal_on_a_sandbox_names_the_sandbox(void)
{
    int listener;
    daytona_client_t client = client_of_a_silent_server(&listener);
    daytona_sandbox_t sandbox = attached(client);
    daytona_stream_t stream;
    CHECK(STATUS(daytona_files_list(sandbox, NULL, NULL, &out, NULL)) == DAYTONA_INVALID_ARGUMENT);
    CHECK(has(out, "/operation", "files.list") && has(out, "/sandboxId", "box-1"));
    CHECK(STATUS(daytona_stream_open(sandbox, "files.list", "{}", 0, 0, &stream, &out)) == DAYTONA_INVALID_ARGUMENT);
    CHECK(has(out, "/operation", "files.list") && has(out, "/sandboxId", "box-1"));
    CHECK(STATUS(daytona_files_list(sandbox, "/", "{\"no\":1}", &out, NULL)) == DAYTONA_INVALID_ARGUMENT);
    CHECK(has(out, "/operation", "files.list") && has(out, "/sandboxId", "box-1"));
    daytona_close(client);
    CHECK(STATUS(daytona_files_list(sandbox, "/", NULL, &out, NULL)) == DAYTONA_CLOSED);
    CHECK(has(out, "/operation", "files.list") && has(out, "/sandboxId", "box-1"));
    daytona_close(sandbox);
    close(listener);
}

struct blocking {
    daytona_sandbox_t target;
    const char *operation, *params;
    atomic_int inside;
    int32_t status;
    char *error;
};

static void *call(void *context)
{
    struct blocking *it = context;
    uint64_t made;
    it->inside = 1;
    it->status = daytona_call(it->target, it->operation, it->params, NULL, 0, &made, &it->error, NULL);
    return NULL;
}

static void accept_a_connection(int listener)
{
    /* The request is on its way; nobody reads it. */
    CHECK(accept(listener, NULL, NULL) >= 0);
}

static void what_was_cancelled_or_closed_names_operation_and_sandbox(void)
{
    int listener;
    daytona_client_t client = client_of_a_silent_server(&listener);
    daytona_sandbox_t sandbox = attached(client);
    daytona_queue_t queue = new_queue(NULL);
    daytona_call_t cancelled;
    daytona_stream_t stream;
    submit(sandbox, "files.list", "{\"path\":\"/\"}", queue, 1, &cancelled);
    daytona_cancel(cancelled);
    daytona_event_t event = next(queue);
    CHECK(event.status == DAYTONA_CANCELLED && has((const char *)event.data, "/operation", "files.list"));
    CHECK(has((const char *)event.data, "/sandboxId", "box-1"));
    struct blocking blocking = {sandbox, "process.execute", "{\"command\":\"true\"}", 0, 0, NULL};
    pthread_t thread;
    CHECK(!pthread_create(&thread, NULL, call, &blocking) && becomes(&blocking.inside, 1));
    accept_a_connection(listener);
    submit(sandbox, "files.list", "{\"path\":\"/\"}", queue, 2, NULL);
    CHECK(STATUS(daytona_stream_open(sandbox, "process.run", "{\"command\":\"true\"}", queue, 3, &stream, &out)) == 0);
    daytona_close(client);
    pthread_join(thread, NULL);
    CHECK(blocking.status == DAYTONA_CLOSED && has(blocking.error, "/operation", "process.execute"));
    CHECK(has(blocking.error, "/sandboxId", "box-1"));
    daytona_free(blocking.error);
    for (int i = 0; i < 2; i++) {
        event = next(queue);
        CHECK(event.status == DAYTONA_CLOSED && has((const char *)event.data, "/sandboxId", "box-1"));
        CHECK(has((const char *)event.data, "/operation", event.user_data == 3 ? "process.run" : "files.list"));
    }
    CHECK(STATUS(daytona_stream_result(stream, -1, &out, NULL)) == DAYTONA_CLOSED && has(out, "/sandboxId", "box-1"));
    daytona_close(stream);
    daytona_close(queue);
    daytona_close(sandbox);
    close(listener);
}

static void an_interrupted_create_gives_the_name_that_was_sent(void)
{
    int listener;
    daytona_client_t client = client_of_a_silent_server(&listener);
    daytona_queue_t queue = new_queue(NULL);
    daytona_call_t cancelled;
    daytona_stream_t stream;
    daytona_event_t event;
    char *made_up;
    submit(client, "sandbox.create", "{\"name\":\"mine\"}", queue, 1, &cancelled);
    accept_a_connection(listener);
    daytona_cancel(cancelled);
    event = next(queue);
    CHECK(event.status == DAYTONA_CANCELLED && has((const char *)event.data, "/sandboxName", "mine"));
    CHECK(has((const char *)event.data, "/operation", "sandbox.create"));
    submit(client, "sandbox.create", "{}", queue, 1, &cancelled);
    accept_a_connection(listener);
    daytona_cancel(cancelled);
    event = next(queue);
    CHECK(event.status == DAYTONA_CANCELLED && daytona_json_text((const char *)event.data, "/sandboxName", &made_up, NULL) == 0);
    CHECK(strlen(made_up) > 8);
    daytona_free(made_up);
    CHECK(STATUS(daytona_stream_open(client, "sandbox.create", "{\"name\":\"streamed\"}", queue, 3, &stream, &out)) == 0);
    accept_a_connection(listener);
    struct blocking blocking = {client, "sandbox.create", "{\"name\":\"blocking\"}", 0, 0, NULL};
    pthread_t thread;
    CHECK(!pthread_create(&thread, NULL, call, &blocking));
    accept_a_connection(listener);
    daytona_close(client);
    pthread_join(thread, NULL);
    CHECK(blocking.status == DAYTONA_CLOSED && has(blocking.error, "/sandboxName", "blocking"));
    daytona_free(blocking.error);
    event = next(queue);
    CHECK(event.kind == DAYTONA_ENDED && event.status == DAYTONA_CLOSED && has((const char *)event.data, "/sandboxName", "streamed"));
    daytona_close(stream);
    daytona_close(queue);
    close(listener);
}

int main(void)
{
    RUN(a_refusal_names_the_operation);
    RUN(a_closed_client_is_named_before_its_closed_queue);
    RUN(a_refusal_on_a_sandbox_names_the_sandbox);
    RUN(what_was_cancelled_or_closed_names_operation_and_sandbox);
    RUN(an_interrupted_create_gives_the_name_that_was_sent);
    return 0;
}
