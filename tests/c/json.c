/* Reading and quoting JSON without a JSON library. */
#include "check.h"
#include <math.h>

static const char *const TEXT = "{\"a\":{\"b\":[10,\"two\",null,true,{\"c\":false}]},\"x/y\":1,\"m~n\":2,\"\":3,\"k\\u00e9y\":4,"
                                "\"big\":9007199254740993,\"huge\":123456789012345678901234567890,\"float\":-1.5e2,"
                                "\"esc\":\"q\\\"\\\\\\n\\u00fc\\ud83d\\ude00\\u0000z\",\"nil\":null, \"spaced\" : [ 1 , 2 ] ,\"d\":1,\"d\":2}";

static void pointers_lead_where_rfc_6901_says(void)
{
    struct {
        const char *pointer;
        int64_t value;
    } right[] = {{"/a/b/0", 10}, {"/x~1y", 1}, {"/m~0n", 2}, {"/", 3}, {"/k\xc3\xa9y", 4}, {"/big", 9007199254740993}, {"/spaced/1", 2}};
    for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
        int64_t value = -1;
        CHECK(daytona_json_int(TEXT, right[i].pointer, &value) == 0 && value == right[i].value);
    }
    const char *nothing[] = {"/nil", "/a/b/2", "/none", "/a/b/5", "/a/b/-", "/a/b/00", "/a/b/01", "/a/b/+1", "/a/b/1/x", "/x/y", "/a/b/0/0", "//"};
    for (size_t i = 0; i < sizeof nothing / sizeof *nothing; i++) {
        char *text = (char *)1;
        size_t len = 9;
        int64_t value;
        double real;
        int32_t truth;
        CHECK(daytona_json_text(TEXT, nothing[i], &text, &len) == DAYTONA_NO_MATCH && text == NULL && len == 0);
        text = (char *)1;
        CHECK(daytona_json_raw(TEXT, nothing[i], &text, &len) == DAYTONA_NO_MATCH && text == NULL && len == 0);
        CHECK(daytona_json_int(TEXT, nothing[i], &value) == DAYTONA_NO_MATCH);
        CHECK(daytona_json_number(TEXT, nothing[i], &real) == DAYTONA_NO_MATCH);
        CHECK(daytona_json_bool(TEXT, nothing[i], &truth) == DAYTONA_NO_MATCH);
        CHECK(daytona_json_count(TEXT, nothing[i], &len) == DAYTONA_NO_MATCH);
    }
    const char *none[] = {"a", "a/b", "/m~2n", "/m~", " "};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        char *text;
        CHECK(daytona_json_raw(TEXT, none[i], &text, NULL) == DAYTONA_INVALID_ARGUMENT && text == NULL);
    }
}

static void another_type_is_an_invalid_argument(void)
{
    char *text;
    int64_t integer;
    double real;
    int32_t truth;
    size_t count;
    CHECK(daytona_json_text(TEXT, "/a/b/0", &text, NULL) == DAYTONA_INVALID_ARGUMENT && text == NULL);
    CHECK(daytona_json_text(TEXT, "/a", &text, NULL) == DAYTONA_INVALID_ARGUMENT);
    CHECK(daytona_json_int(TEXT, "/a/b/1", &integer) == DAYTONA_INVALID_ARGUMENT);
    CHECK(daytona_json_int(TEXT, "/float", &integer) == DAYTONA_INVALID_ARGUMENT);
    CHECK(daytona_json_int(TEXT, "/huge", &integer) == DAYTONA_INVALID_ARGUMENT);
    CHECK(daytona_json_int(TEXT, "/a/b/3", &integer) == DAYTONA_INVALID_ARGUMENT);
    CHECK(daytona_json_number(TEXT, "/a/b/1", &real) == DAYTONA_INVALID_ARGUMENT);
    CHECK(daytona_json_bool(TEXT, "/a/b/0", &truth) == DAYTONA_INVALID_ARGUMENT);
    CHECK(daytona_json_count(TEXT, "/esc", &count) == DAYTONA_INVALID_ARGUMENT);
}

static void values_arrive_as_they_were_written(void)
{
    char *text;
    size_t len;
    int32_t truth;
    double real;
    CHECK(daytona_json_text(TEXT, "/esc", &text, &len) == 0 && len == 12);
    CHECK(!memcmp(text, "q\"\\\n\xc3\xbc\xf0\x9f\x98\x80\0z", 13));
    daytona_free(text);
    CHECK(daytona_json_raw(TEXT, "/huge", &text, &len) == 0 && !strcmp(text, "123456789012345678901234567890") && len == 30);
    daytona_free(text);
    CHECK(daytona_json_raw(TEXT, "/spaced", &text, NULL) == 0 && !strcmp(text, "[ 1 , 2 ]"));
    daytona_free(text);
    CHECK(daytona_json_raw(" 5 ", "", &text, NULL) == 0 && !strcmp(text, "5"));
    daytona_free(text);
    CHECK(daytona_json_bool(TEXT, "/a/b/3", &truth) == 0 && truth == 1);
    CHECK(daytona_json_bool(TEXT, "/a/b/4/c", &truth) == 0 && truth == 0);
    CHECK(daytona_json_number(TEXT, "/float", &real) == 0 && real == -150);
    CHECK(daytona_json_number(TEXT, "/huge", &real) == 0 && fabs(real - 1.2345678901234568e29) < 1e14);
    CHECK(daytona_json_number(TEXT, "/a/b/0", &real) == 0 && real == 10);
    CHECK(daytona_json_count(TEXT, "/a/b", &len) == 0 && len == 5);
    CHECK(daytona_json_count(TEXT, "/a", &len) == 0 && len == 1);
    CHECK(daytona_json_count("[]", "", &len) == 0 && len == 0);
    CHECK(number("-9223372036854775808", "") == INT64_MIN && number("9223372036854775807", "") == INT64_MAX);
    CHECK(number("-0", "") == 0);
}

static void what_is_not_json_is_said_to_be_so(void)
{
    const char *texts[] = {"", "{", "{\"a\":}", "[1,]", "nul", "{} {}", "\xff", "{'a':1}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char *text;
        CHECK(daytona_json_raw(texts[i], "", &text, NULL) == DAYTONA_INVALID_JSON && text == NULL);
    }
}

static void depth_and_length_do_no_harm(void)
{
    size_t deep = 300000;
    char *json = malloc(2 * deep + 1), *text;
    memset(json, '[', deep);
    memset(json + deep, ']', deep);
    json[2 * deep] = 0;
    int32_t status = daytona_json_raw(json, "/0/0/0", &text, NULL);
    CHECK(status == 0 || status == DAYTONA_INVALID_JSON);
    daytona_free(text);
    daytona_client_t client = echo_client();
    CHECK(STATUS(daytona_call(client, "echo.value", json, NULL, 0, NULL, &out, NULL)) != 0);
    char *object = malloc(6 * deep + 2);
    for (size_t i = 0; i < deep; i++)
        memcpy(object + 5 * i, "{\"a\":", 5);
    memset(object + 5 * deep, '}', deep);
    object[6 * deep] = 0;
    CHECK(STATUS(daytona_call(client, "echo.value", object, NULL, 0, NULL, &out, NULL)) != 0);
    memcpy(object + 5 * deep - 5, "{\"a\":1", 6);
    memset(object + 5 * deep + 1, '}', deep);
    object[6 * deep + 1] = 0;
    CHECK(STATUS(daytona_call(client, "echo.value", object, NULL, 0, NULL, &out, NULL)) == 0 && !strcmp(out, object));
    daytona_close(client);
    free(object);
    free(json);
}

static void a_quoted_text_reads_back_the_same(void)
{
    char every[129];
    for (int i = 0; i < 128; i++)
        every[i] = (char)i;
    char *literal, *text;
    size_t len;
    CHECK(daytona_json_quote(every, 128, &literal) == 0);
    CHECK(daytona_json_text(literal, "", &text, &len) == 0 && len == 128 && !memcmp(text, every, 128) && text[128] == 0);
    daytona_free(literal);
    daytona_free(text);
    CHECK(daytona_json_quote("\xe2\x82\xac\xf0\x9f\x98\x80", 7, &literal) == 0);
    CHECK(daytona_json_text(literal, "", &text, &len) == 0 && len == 7 && !strcmp(text, "\xe2\x82\xac\xf0\x9f\x98\x80"));
    daytona_free(literal);
    daytona_free(text);
    literal = (char *)1;
    CHECK(daytona_json_quote("\xff\xfe", 2, &literal) == DAYTONA_INVALID_ARGUMENT && literal == NULL);
    CHECK(daytona_json_quote("a", (size_t)-1, &literal) == DAYTONA_INVALID_ARGUMENT && literal == NULL);
    /* Small and large ones are freed alike. */
    for (size_t size = 1; size < (1 << 20); size *= 3) {
        char *big = malloc(size);
        memset(big, 'x', size);
        CHECK(daytona_json_quote(big, size, &literal) == 0 && strlen(literal) == size + 2);
        daytona_free(literal);
        free(big);
    }
}

static void a_lone_surrogate_is_the_replacement_character_in_what_is_read(void)
{
    const char *json = "{\"\\udfff key\":1,\"a\":\"x\\ud800y\",\"pair\":\"\\ud83d\\ude00\",\"two\":\"\\ud800\\ud800\",\"half\":\"\\ud800\\u0041\",\"raw\":\"\\ud800\"}";
    const char *right[][2] = {{"/a", "x\xef\xbf\xbdy"}, {"/pair", "\xf0\x9f\x98\x80"}, {"/two", "\xef\xbf\xbd\xef\xbf\xbd"}, {"/half", "\xef\xbf\xbd" "A"}};
    char *text;
    size_t len;
    for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
        CHECK(daytona_json_text(json, right[i][0], &text, &len) == 0 && !strcmp(text, right[i][1]) && len == strlen(text));
        daytona_free(text);
    }
    CHECK(number(json, "/\xef\xbf\xbd key") == 1);
    CHECK(daytona_json_count(json, "", &len) == 0 && len == 6);
    CHECK(daytona_json_raw(json, "/raw", &text, NULL) == 0 && !strcmp(text, "\"\\ud800\""));
    daytona_free(text);
    daytona_client_t client = echo_client();
    CHECK(STATUS(daytona_call(client, "echo.delay", "{\"ms\":\"\\ud800\"}", NULL, 0, NULL, &out, NULL)) == DAYTONA_INVALID_JSON && says("column"));
    daytona_close(client);
}

int main(void)
{
    RUN(a_lone_surrogate_is_the_replacement_character_in_what_is_read);
    RUN(pointers_lead_where_rfc_6901_says);
    RUN(another_type_is_an_invalid_argument);
    RUN(values_arrive_as_they_were_written);
    RUN(what_is_not_json_is_said_to_be_so);
    RUN(depth_and_length_do_no_harm);
    RUN(a_quoted_text_reads_back_the_same);
    return 0;
}
