/* A sandbox of the server that the environment names, for programs that need more than the echo target. */
#ifndef SANDBOX_H
#define SANDBOX_H
#include "../check.h"

static daytona_client_t client;
static daytona_sandbox_t sandbox;

static inline void make_sandbox(void)
{
    CHECK(STATUS(daytona_client_open(NULL, &client, &out)) == 0 && out == NULL);
    CHECK(STATUS(daytona_sandbox_create(client, "{\"language\":\"python\"}", &sandbox, &out, &out_len)) == 0);
    CHECK(out && strlen(out) == out_len && sandbox != 0 && sandbox < 1ull << 53);
}

static inline void delete_sandbox(void)
{
    CHECK(STATUS(daytona_sandbox_delete(sandbox, NULL, NULL, NULL)) == 0);
    daytona_close(sandbox);
    daytona_close(client);
}

/* A stream of the sandbox; without a queue it is open afterwards. */
static inline daytona_stream_t stream_of(const char *operation, const char *params, daytona_queue_t queue)
{
    daytona_stream_t stream;
    CHECK(STATUS(daytona_stream_open(sandbox, operation, params, queue, 7, &stream, &out)) == 0);
    CHECK(stream != 0 && out == NULL);
    return stream;
}

/* How the stream ended; its JSON is in `out`. */
static inline int32_t end_of(daytona_stream_t stream)
{
    return STATUS(daytona_stream_result(stream, 20000, &out, &out_len));
}
#endif
