/* A thousand calls in flight on one thread, spread over a few sandboxes. */
#include <daytona.h>
#include <inttypes.h>
#include <stdio.h>

enum { CALLS = 1000, SANDBOXES = 4 };

int main(void)
{
    daytona_client_t client;
    daytona_sandbox_t made[SANDBOXES] = {0}, sandbox[CALLS];
    daytona_queue_t queue = 0;
    daytona_event_t events[64];
    size_t count = 0, failures = 0;
    char *out = NULL;
    int32_t status = daytona_client_open(NULL, &client, &out);

    for (size_t i = 0; !status && i < SANDBOXES; i++) {
        status = daytona_sandbox_create(client, NULL, &made[i], &out, NULL);
        if (!status)
            daytona_free(out), out = NULL;
    }
    for (size_t i = 0; i < CALLS; i++)
        sandbox[i] = made[i % SANDBOXES];

    if (!status)
        status = daytona_queue_open(NULL, &queue, &out);
    for (uint64_t i = 0; !status && i < CALLS; i++)
        status = daytona_submit(sandbox[i], "process.execute", "{\"command\":\"hostname\"}", NULL, 0, queue,
                                i, NULL, &out);
    for (size_t done = 0; !status && done < CALLS; done += count) {
        status = daytona_queue_next(queue, events, 64, -1, &count);
        for (size_t k = 0; !status && k < count; k++) {
            printf("%" PRIu64 ": %.*s\n", events[k].user_data, (int)events[k].len, events[k].data);
            failures += events[k].status != DAYTONA_OK;
        }
    }

    if (status)
        fprintf(stderr, "%s: %s\n", daytona_status_name(status), out ? out : "");
    daytona_free(out);
    for (size_t i = 0; i < SANDBOXES; i++)
        if (made[i])
            daytona_sandbox_delete(made[i], NULL, NULL, NULL);
    daytona_shutdown(-1);                                       /* closes whatever is open */
    return status || failures;
}
