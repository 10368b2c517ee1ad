/* Numbers, names and versions. */
#include "check.h"

static void statuses_have_their_numbers_and_names(void)
{
    struct {
        int32_t status, number;
        const char *name;
    } all[] = {
#define SAME(name, number) {DAYTONA_##name, number, #name}
        SAME(OK, 0), SAME(INVALID_ARGUMENT, 1), SAME(INVALID_HANDLE, 2), SAME(INVALID_JSON, 3), SAME(TIMEOUT, 4),
        SAME(CANCELLED, 5), SAME(CONNECTION, 6), SAME(TLS, 7), SAME(PROTOCOL, 8), SAME(CLOSED, 9),
        SAME(SLOW_CONSUMER, 10), SAME(IO, 11), SAME(FORKED, 12), SAME(PANIC, 13), SAME(UNSUPPORTED, 14),
        SAME(BUSY, 15), SAME(QUEUE_FULL, 16), SAME(WOULD_BLOCK, 17), SAME(END_OF_STREAM, 18), SAME(NO_MATCH, 19),
        SAME(SANDBOX_FAILED, 20), SAME(CONFIGURATION, 21), {DAYTONA_HTTP_NOT_FOUND, 404, "NOT_FOUND"},
        {DAYTONA_HTTP_REQUEST_TIMEOUT, 408, "REQUEST_TIMEOUT"},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        CHECK(all[i].status == all[i].number && !strcmp(daytona_status_name(all[i].number), all[i].name));
    CHECK(daytona_status_name(-5) && daytona_status_name(99) && daytona_status_name(599) && daytona_status_name(INT32_MIN));
}

static void every_status_has_a_name_of_its_own(void)
{
    for (int32_t one = 0; one < 600; one++) {
        const char *name = daytona_status_name(one);
        if (!strcmp(name, "UNKNOWN") || !strcmp(name, "HTTP"))
            continue; /* numbers without a name */
        for (int32_t other = one + 1; other < 600; other++)
            CHECK(strcmp(name, daytona_status_name(other)));
    }
}

static void kinds_channels_and_levels_have_their_numbers(void)
{
    CHECK(DAYTONA_DONE == 1 && DAYTONA_OPENED == 2 && DAYTONA_DATA == 3 && DAYTONA_PROGRESS == 4);
    CHECK(DAYTONA_ENDED == 5 && DAYTONA_WRITABLE == 6 && DAYTONA_LOG == 7);
    CHECK(DAYTONA_NONE == 0 && DAYTONA_STDOUT == 1 && DAYTONA_STDERR == 2 && DAYTONA_STRUCTURED == 3);
    CHECK(DAYTONA_LOG_OFF == 0 && DAYTONA_LOG_ERROR == 1 && DAYTONA_LOG_WARN == 2 && DAYTONA_LOG_INFO == 3 && DAYTONA_LOG_DEBUG == 4);
}

static void an_errors_name_is_the_statuss(void)
{
    daytona_client_t client = echo_client();
    for (int32_t status = 1; status < 600; status++) {
        if (status == 22)
            status = 400;
        char params[40], *name;
        snprintf(params, sizeof params, "{\"status\":%d}", status);
        CHECK(STATUS(daytona_call(client, "echo.error", params, NULL, 0, NULL, &out, NULL)) == status);
        CHECK(daytona_json_text(out, "/name", &name, NULL) == 0 && !strcmp(name, daytona_status_name(status)));
        daytona_free(name);
    }
    daytona_close(client);
}

static void versions_are_static_texts(void)
{
    uint32_t abi = daytona_abi_version();
    CHECK(abi == DAYTONA_ABI_VERSION);
    char expected[32];
    snprintf(expected, sizeof expected, "%u.%u.", abi >> 16, abi & 0xffff);
    CHECK(!strncmp(daytona_version(), expected, strlen(expected)));
    CHECK(daytona_version() == daytona_version() && daytona_protocol_version()[0]);
}

static void the_catalogue_is_json_and_every_operation_answers_to_its_name(void)
{
    const char *catalogue = daytona_operations();
    daytona_client_t client = echo_client();
    size_t count = 0;
    CHECK(daytona_operations() == catalogue);
    CHECK(daytona_json_count(catalogue, "/operations", &count) == 0 || daytona_json_count(catalogue, "", &count) == 0);
    CHECK(count > 20);
    CHECK(strstr(catalogue, "\"process.execute\"") && strstr(catalogue, "\"echo.stream\""));
    daytona_close(client);
}

int main(void)
{
    RUN(statuses_have_their_numbers_and_names);
    RUN(every_status_has_a_name_of_its_own);
    RUN(kinds_channels_and_levels_have_their_numbers);
    RUN(an_errors_name_is_the_statuss);
    RUN(versions_are_static_texts);
    RUN(the_catalogue_is_json_and_every_operation_answers_to_its_name);
    return 0;
}
