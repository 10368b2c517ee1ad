/* What goes in: NULL for every pointer in turn, bad JSON, bad UTF-8, wrong types, unknown names. */
#include "check.h"

static int32_t on_event(void *context, const daytona_event_t *event)
{
    (void)context;
    (void)event;
    return 0;
}

static void every_null_that_may_not_be_one_is_an_argument_error(void)
{
    daytona_client_t client = echo_client(), made;
    daytona_queue_t queue = new_queue(NULL);
    daytona_stream_t stream = open_stream(client, "{\"echo\":true}", 0);
    daytona_event_t event = {0};
    uint8_t byte;
    char *text;
    size_t count;
    int64_t integer;
    double real;
    int32_t truth;
#define REFUSED(call) CHECK(STATUS(call) == DAYTONA_INVALID_ARGUMENT)
    REFUSED(daytona_client_open(NULL, NULL, &out));
    REFUSED(daytona_echo_open(NULL, NULL, &out));
    REFUSED(daytona_call(client, NULL, "{}", NULL, 0, NULL, &out, &out_len));
    REFUSED(daytona_call(client, "echo.bytes", "{}", NULL, 5, NULL, &out, &out_len));
    REFUSED(daytona_call(client, "echo.bytes", "{}", NULL, 0, NULL, &out, NULL));
    REFUSED(daytona_call(client, "echo.handle", "{}", NULL, 0, NULL, &out, &out_len));
    REFUSED(daytona_submit(client, NULL, "{}", NULL, 0, queue, 0, NULL, &out));
    REFUSED(daytona_submit(client, "echo.bytes", "{}", NULL, 5, queue, 0, NULL, &out));
    REFUSED(daytona_queue_open(NULL, NULL, &out));
    REFUSED(daytona_queue_open_callback(NULL, on_event, NULL, NULL, &out));
    made = 9;
    REFUSED(daytona_queue_open_callback(NULL, NULL, NULL, &made, &out));
    CHECK(made == 0);
    REFUSED(daytona_queue_next(queue, NULL, 1, 0, &count));
    REFUSED(daytona_queue_next(queue, &event, 0, 0, &count));
    REFUSED(daytona_queue_next(queue, &event, 1, 0, NULL));
    REFUSED(daytona_queue_fd(queue, NULL));
    REFUSED(daytona_event_take(NULL, &text));
    REFUSED(daytona_event_take(&event, NULL));
    REFUSED(daytona_stream_open(client, NULL, "{}", 0, 0, &made, &out));
    REFUSED(daytona_stream_open(client, "echo.stream", "{}", 0, 0, NULL, &out));
    REFUSED(daytona_stream_read(stream, NULL, 1, 0, &count, NULL));
    REFUSED(daytona_stream_read(stream, &byte, 0, 0, &count, NULL));
    REFUSED(daytona_stream_read(stream, &byte, 1, 0, NULL, NULL));
    REFUSED(daytona_stream_each(stream, NULL, NULL, &out, &out_len));
    REFUSED(daytona_stream_write(stream, NULL, 1, 0, &count, &out));
    REFUSED(daytona_json_text(NULL, "", &text, NULL));
    REFUSED(daytona_json_text("{}", NULL, &text, NULL));
    REFUSED(daytona_json_text("{}", "", NULL, NULL));
    REFUSED(daytona_json_raw(NULL, "", &text, NULL));
    REFUSED(daytona_json_raw("{}", "", NULL, NULL));
    REFUSED(daytona_json_int(NULL, "", &integer));
    REFUSED(daytona_json_int("1", "", NULL));
    REFUSED(daytona_json_number(NULL, "", &real));
    REFUSED(daytona_json_number("1", "", NULL));
    REFUSED(daytona_json_bool(NULL, "", &truth));
    REFUSED(daytona_json_bool("true", "", NULL));
    REFUSED(daytona_json_count(NULL, "", &count));
    REFUSED(daytona_json_count("[]", "", NULL));
    REFUSED(daytona_json_quote(NULL, 1, &text));
    REFUSED(daytona_json_quote("", 0, NULL));
    daytona_close(stream);
    daytona_close(queue);
    daytona_close(client);
}

static void the_nulls_that_are_allowed_work(void)
{
    daytona_client_t client = echo_client();
    daytona_queue_t queue = new_queue(NULL);
    daytona_stream_t stream = open_stream(client, "{\"echo\":true}", 0);
    char *literal;
    CHECK(daytona_call(client, "echo.value", "{}", NULL, 0, NULL, NULL, NULL) == DAYTONA_OK);
    CHECK(daytona_call(client, "echo.bytes", "{}", NULL, 0, NULL, NULL, NULL) == DAYTONA_OK);
    CHECK(daytona_call(client, "echo.error", "{\"status\":404}", NULL, 0, NULL, NULL, NULL) == 404);
    CHECK(STATUS(daytona_call(client, "echo.value", "{}", NULL, 0, NULL, &out, NULL)) == DAYTONA_OK && !strcmp(out, "{}"));
    CHECK(daytona_submit(client, "echo.value", "{}", NULL, 0, queue, 0, NULL, NULL) == DAYTONA_OK);
    CHECK(next(queue).status == DAYTONA_OK);
    CHECK(daytona_stream_write(stream, NULL, 0, 0, NULL, NULL) == DAYTONA_OK);
    CHECK(daytona_stream_finish(stream, NULL) == DAYTONA_OK);
    CHECK(daytona_stream_each(stream, on_event, NULL, NULL, NULL) == DAYTONA_OK);
    CHECK(daytona_stream_result(stream, -1, NULL, NULL) == DAYTONA_OK);
    CHECK(daytona_json_quote(NULL, 0, &literal) == DAYTONA_OK && !strcmp(literal, "\"\""));
    daytona_free(literal);
    daytona_free(NULL);
    daytona_close(stream);
    daytona_close(queue);
    daytona_close(client);
}

static void out_is_always_set(void)
{
    daytona_client_t client = echo_client();
    daytona_queue_t queue;
    char *text = (char *)1;
    size_t len = 99;
    CHECK(daytona_call(client, "echo.error", "{\"status\":500}", NULL, 0, NULL, &text, &len) == 500);
    CHECK(text && len == strlen(text));
    daytona_free(text);
    text = (char *)1;
    CHECK(daytona_queue_open(NULL, &queue, &text) == DAYTONA_OK && text == NULL);
    uint64_t handle = 5;
    text = (char *)1;
    CHECK(daytona_call(client, "echo.nothing", "{}", NULL, 0, &handle, &text, &len) == DAYTONA_INVALID_ARGUMENT);
    CHECK(handle == 0 && text);
    daytona_free(text);
    handle = 5;
    CHECK(STATUS(daytona_submit(client, "echo.value", "[", NULL, 0, queue, 0, &handle, &out)) == DAYTONA_INVALID_JSON);
    CHECK(handle == 0);
    daytona_close(queue);
    daytona_close(client);
}

static void bad_json_is_said_to_be_so(void)
{
    daytona_client_t client = echo_client();
    const char *texts[] = {"", "{", "nonsense", "{\"a\":}", "{} {}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        CHECK(STATUS(daytona_call(client, "echo.delay", texts[i], NULL, 0, NULL, &out, &out_len)) == DAYTONA_INVALID_JSON);
    daytona_client_t unopened;
    daytona_queue_t queue;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        CHECK(STATUS(daytona_client_open(texts[i], &unopened, &out)) == DAYTONA_INVALID_JSON && unopened == 0);
        CHECK(STATUS(daytona_echo_open(texts[i], &unopened, &out)) == DAYTONA_INVALID_JSON && unopened == 0);
        CHECK(STATUS(daytona_queue_open(texts[i], &queue, &out)) == DAYTONA_INVALID_JSON && queue == 0);
    }
    CHECK(STATUS(daytona_call(client, "echo.delay", "[]", NULL, 0, NULL, &out, &out_len)) == DAYTONA_INVALID_ARGUMENT);
    CHECK(says("JSON object"));
    CHECK(STATUS(daytona_call(client, "echo.value", "{\"a\":\"\xff\"}", NULL, 0, NULL, &out, &out_len)) == DAYTONA_INVALID_JSON);
    CHECK(STATUS(daytona_call(client, "echo.\xff", "{}", NULL, 0, NULL, &out, &out_len)) == DAYTONA_INVALID_ARGUMENT);
    CHECK(says("UTF-8"));
    daytona_close(client);
}

static void an_error_names_the_offending_key_and_what_was_expected(void)
{
    daytona_client_t client = echo_client();
    daytona_queue_t queue;
    CHECK(STATUS(daytona_call(client, "echo.delay", "{\"ms\":1,\"mss\":2}", NULL, 0, NULL, &out, &out_len)) == DAYTONA_INVALID_ARGUMENT);
    CHECK(says("`mss`") && says("`ms`") && says("`timeoutMs`"));
    CHECK(STATUS(daytona_call(client, "echo.delay", "{\"ms\":\"soon\"}", NULL, 0, NULL, &out, &out_len)) == DAYTONA_INVALID_ARGUMENT);
    CHECK(says("`ms`") && says("whole number"));
    CHECK(STATUS(daytona_call(client, "echo.delay", "{}", NULL, 0, NULL, &out, &out_len)) == DAYTONA_INVALID_ARGUMENT);
    CHECK(says("`ms`"));
    CHECK(STATUS(daytona_call(client, "echo.delay", "{\"ms\":1,\"timeoutMs\":-1}", NULL, 0, NULL, &out, &out_len)) == DAYTONA_INVALID_ARGUMENT);
    CHECK(says("timeoutMs"));
    CHECK(STATUS(daytona_queue_open("{\"capacity\":1}", &queue, &out)) == DAYTONA_INVALID_ARGUMENT);
    CHECK(says("`capacity`") && says("`capacityEvents`"));
    CHECK(STATUS(daytona_queue_open("{\"capacityEvents\":0}", &queue, &out)) == DAYTONA_INVALID_ARGUMENT);
    CHECK(STATUS(daytona_queue_open("{\"inline\":true}", &queue, &out)) == DAYTONA_INVALID_ARGUMENT);
    CHECK(STATUS(daytona_client_open("{\"apiKey\":\"k\",\"apikey\":\"k\"}", &client, &out)) == DAYTONA_INVALID_ARGUMENT);
    CHECK(says("apikey"));
    CHECK(STATUS(daytona_client_open("{\"apiKey\":5}", &client, &out)) == DAYTONA_INVALID_ARGUMENT);
    CHECK(says("apiKey"));
}

static void an_option_does_not_take_the_place_of_an_argument(void)
{
    CHECK(STATUS(daytona_files_delete(0, "/a", "{\"timeoutMs\":1.0,\"path\":\"/\"}", &out, NULL)) ==
          DAYTONA_INVALID_ARGUMENT);
    CHECK(says("`path`"));
    CHECK(STATUS(daytona_files_delete(0, "/a", "{\"recursive\":true}", &out, NULL)) == DAYTONA_INVALID_HANDLE);
}

static void the_wrong_function_for_an_operation_names_the_right_one(void)
{
    daytona_client_t client = echo_client();
    daytona_stream_t stream;
    CHECK(STATUS(daytona_call(client, "echo.stream", "{}", NULL, 0, NULL, &out, &out_len)) == DAYTONA_INVALID_ARGUMENT);
    CHECK(says("echo.stream is a stream: open it as one") && says("daytona_stream_open"));
    CHECK(STATUS(daytona_stream_open(client, "echo.value", "{}", 0, 0, &stream, &out)) == DAYTONA_INVALID_ARGUMENT);
    CHECK(says("echo.value is a call: call it") && says("daytona_call") && says("daytona_submit"));
    CHECK(STATUS(daytona_call(client, "files.lst", "{}", NULL, 0, NULL, &out, &out_len)) == DAYTONA_INVALID_ARGUMENT);
    CHECK(says("files.lst") && says("catalogue") && says("daytona_operations"));
    CHECK(STATUS(daytona_call(client, "echo.value", "{}", (const uint8_t *)"x", 1, NULL, &out, &out_len)) == DAYTONA_INVALID_ARGUMENT);
    CHECK(says("body"));
    daytona_close(client);
}

static void a_configuration_that_cannot_work_says_why(void)
{
    daytona_client_t client = 9;
    unsetenv("DAYTONA_API_KEY");
    unsetenv("DAYTONA_JWT_TOKEN");
    unsetenv("DAYTONA_ORGANIZATION_ID");
    unsetenv("DAYTONA_API_URL");
    CHECK(STATUS(daytona_client_open(NULL, &client, &out)) == DAYTONA_CONFIGURATION && client == 0);
    CHECK(says("DAYTONA_API_KEY"));
    CHECK(STATUS(daytona_client_open("{\"jwtToken\":\"secret-token\"}", &client, &out)) == DAYTONA_CONFIGURATION);
    CHECK(says("rganization") && !strstr(out, "secret-token"));
    CHECK(STATUS(daytona_client_open("{\"apiKey\":\"secret-key\",\"apiUrl\":\"no url\"}", &client, &out)) == DAYTONA_CONFIGURATION);
    CHECK(says("no URL") && !strstr(out, "secret-key"));
    CHECK(STATUS(daytona_client_open("{\"apiKey\":\"k\"}", &client, &out)) == DAYTONA_OK && client);
    daytona_close(client);
}

static void null_is_an_empty_object_of_parameters(void)
{
    daytona_client_t client = echo_client();
    daytona_queue_t queue = new_queue(NULL);
    daytona_stream_t stream;
    CHECK(STATUS(daytona_call(client, "echo.value", NULL, NULL, 0, NULL, &out, NULL)) == 0 && !strcmp(out, "{}"));
    CHECK(STATUS(daytona_call(client, "echo.delay", NULL, NULL, 0, NULL, &out, NULL)) == DAYTONA_INVALID_ARGUMENT && says("ms"));
    submit(client, "echo.value", NULL, queue, 0, NULL);
    CHECK(!strcmp((const char *)next(queue).data, "{}"));
    CHECK(STATUS(daytona_stream_open(client, "echo.stream", NULL, 0, 0, &stream, &out)) == 0);
    daytona_close(stream);
    CHECK(STATUS(daytona_stream_open(client, "echo.stream", NULL, queue, 0, &stream, &out)) == 0);
    while (next(queue).kind != DAYTONA_ENDED)
        ;
    daytona_close(stream);
    daytona_close(queue);
    daytona_close(client);
}

static void a_number_without_a_fraction_is_an_integer(void)
{
    daytona_client_t client = echo_client(), other;
    daytona_queue_t queue = new_queue("{\"capacityEvents\":8.0,\"capacityBytes\":1e6}");
    daytona_stream_t stream;
    CHECK(STATUS(daytona_call(client, "echo.delay", "{\"ms\":1.0,\"timeoutMs\":20000.0}", NULL, 0, NULL, &out, NULL)) == 0);
    CHECK(STATUS(daytona_call(client, "echo.value", "{\"timeoutMs\":1000.0}", NULL, 0, NULL, &out, NULL)) == 0);
    CHECK(!strcmp(out, "{\"timeoutMs\":1000.0}"));
    CHECK(STATUS(daytona_call(client, "echo.delay", "{\"ms\":1e9,\"timeoutMs\":2e1}", NULL, 0, NULL, &out, NULL)) == DAYTONA_TIMEOUT);
    CHECK(STATUS(daytona_call(client, "echo.delay", "{\"ms\":1.5}", NULL, 0, NULL, &out, NULL)) == DAYTONA_INVALID_ARGUMENT && says("ms"));
    CHECK(STATUS(daytona_stream_open(client, "echo.stream", "{\"chunks\":2.0,\"bufferBytes\":70000.0}", queue, 0, &stream, &out)) == 0);
    while (next(queue).kind != DAYTONA_ENDED)
        ;
    CHECK(STATUS(daytona_client_open("{\"apiKey\":\"k\",\"connectTimeoutMs\":1000.0,\"retries\":0.0}", &other, &out)) == 0);
    daytona_close(other);
    daytona_close(stream);
    daytona_close(queue);
    daytona_close(client);
}

static void a_stream_without_input_is_unsupported_to_write_to(void)
{
    daytona_client_t client;
    daytona_sandbox_t sandbox;
    daytona_stream_t stream;
    daytona_queue_t queue = new_queue(NULL);
    size_t written = 9;
    CHECK(STATUS(daytona_client_open("{\"apiKey\":\"k\",\"apiUrl\":\"http://127.0.0.1:1\",\"retries\":0}", &client, &out)) == 0);
    CHECK(STATUS(daytona_sandbox_attach(client, "some", NULL, &sandbox, &out, NULL)) == 0);
    CHECK(STATUS(daytona_stream_open(sandbox, "process.run", "{\"command\":\"true\"}", queue, 0, &stream, &out)) == 0);
    for (int i = 0; i < 2; i++) {
        CHECK(STATUS(daytona_stream_write(stream, (const uint8_t *)"x", 1, i ? 0 : -1, &written, &out)) == DAYTONA_UNSUPPORTED);
        CHECK(written == 0 && says("input"));
        while (!i && next(queue).kind != DAYTONA_ENDED)
            ;
    }
    daytona_close(stream);
    daytona_close(sandbox);
    daytona_close(queue);
    daytona_close(client);
}

int main(void)
{
    RUN(null_is_an_empty_object_of_parameters);
    RUN(a_number_without_a_fraction_is_an_integer);
    RUN(a_stream_without_input_is_unsupported_to_write_to);
    RUN(every_null_that_may_not_be_one_is_an_argument_error);
    RUN(the_nulls_that_are_allowed_work);
    RUN(out_is_always_set);
    RUN(bad_json_is_said_to_be_so);
    RUN(an_error_names_the_offending_key_and_what_was_expected);
    RUN(an_option_does_not_take_the_place_of_an_argument);
    RUN(the_wrong_function_for_an_operation_names_the_right_one);
    RUN(a_configuration_that_cannot_work_says_why);
    return 0;
}
