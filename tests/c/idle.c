/* A server that closes idle connections, met by blocking callers who drive the runtime only while they
 * are inside: what it does between two calls is noticed before a POST is lost on a dead connection. */
#include "check.h"
#include <netinet/in.h>
#include <sys/socket.h>

enum { POSTS = 100 };

static const char *const ANSWER = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                                  "Content-Length: 26\r\n\r\n{\"exitCode\":0,\"result\":\"\"}";

static atomic_int closed;

/* Answers one POST a connection, promises to keep it open, and closes it a moment later. */
static void *serve(void *listening)
{
    int listener = *(int *)listening;
    for (int i = 0; i < 2 * POSTS; i++) {
        int connection = accept(listener, NULL, NULL);
        CHECK(connection >= 0);
        char request[8192];
        size_t length = 0;
        /* The body is the last that comes, and short. */
        while (length < 2 || memcmp(request + length - 2, "\"}", 2) != 0) {
            ssize_t got = read(connection, request + length, sizeof request - length);
            CHECK(got > 0);
            length += (size_t)got;
        }
        CHECK(!memcmp(request, "POST ", 5));
        CHECK(write(connection, ANSWER, strlen(ANSWER)) == (ssize_t)strlen(ANSWER));
        usleep(1000);
        close(connection);
        closed++;
    }
    return NULL;
}

static daytona_sandbox_t sandbox_at(int port, daytona_client_t *client)
{
    char config[200], params[200];
    snprintf(config, sizeof config,
             "{\"apiKey\":\"dtn_test\",\"apiUrl\":\"http://127.0.0.1:%d\",\"retries\":0,\"proxy\":\"\"}", port);
    snprintf(params, sizeof params,
             "{\"id\":\"sb\",\"state\":\"started\",\"toolboxProxyUrl\":\"http://127.0.0.1:%d\"}", port);
    CHECK(STATUS(daytona_client_open(config, client, &out)) == DAYTONA_OK);
    daytona_sandbox_t sandbox;
    CHECK(STATUS(daytona_sandbox_attach(*client, params, NULL, &sandbox, &out, &out_len)) == DAYTONA_OK);
    return sandbox;
}

static void a_hundred_posts_against_a_server_that_closes_idle_connections_all_succeed(void)
{
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    CHECK(!bind(listener, (struct sockaddr *)&address, size) && !listen(listener, 16));
    CHECK(!getsockname(listener, (struct sockaddr *)&address, &size));
    pthread_t server;
    CHECK(!pthread_create(&server, NULL, serve, &listener));
    daytona_client_t client;
    daytona_sandbox_t sandbox = sandbox_at(ntohs(address.sin_port), &client);
    for (int i = 0; i < POSTS; i++) {
        int32_t status = STATUS(daytona_process_execute(sandbox, "true", NULL, &out, &out_len));
        if (status != DAYTONA_OK)
            fprintf(stderr, "POST %d: %s\n", i, out);
        CHECK(status == DAYTONA_OK && !strcmp(out, "{\"exitCode\":0,\"result\":\"\"}"));
        /* Nobody drives now, and the server closes. */
        CHECK(becomes(&closed, i + 1));
    }
    /* Submitted, the library's own thread drives while there is work, and nobody afterwards. */
    daytona_queue_t queue = new_queue(NULL);
    for (int i = 0; i < POSTS; i++) {
        submit(sandbox, "process.execute", "{\"command\":\"true\"}", queue, (uint64_t)i, NULL);
        daytona_event_t event = next(queue);
        if (event.status != DAYTONA_OK)
            fprintf(stderr, "submitted POST %d: %s\n", i, (const char *)event.data);
        CHECK(event.kind == DAYTONA_DONE && event.user_data == (uint64_t)i && event.status == DAYTONA_OK);
        CHECK(becomes(&closed, POSTS + i + 1));
    }
    CHECK(!pthread_join(server, NULL));
    close(listener);
    daytona_close(queue);
    daytona_close(client);
}

int main(void)
{
    RUN(a_hundred_posts_against_a_server_that_closes_idle_connections_all_succeed);
    CHECK(daytona_shutdown(20000) == DAYTONA_OK);
    return 0;
}
