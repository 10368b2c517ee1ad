/* The peer of every HTTP measure: libcurl, easy with keep-alive and multi. bench-curl PORT MEASURE [ARGUMENT] */
#include "measure.h"
#include <curl/curl.h>
#include <stdbool.h>
#include <sys/stat.h>

static char base[256];
static struct curl_slist *headers;

struct body { char *text; size_t len, capacity; };

static size_t collect(char *data, size_t size, size_t count, void *context)
{
    struct body *body = context;
    if (body->len + size * count > body->capacity) {
        body->capacity = 2 * (body->len + size * count);
        body->text = realloc(body->text, body->capacity);
    }
    memcpy(body->text + body->len, data, size * count);
    body->len += size * count;
    return size * count;
}

static CURL *request(const char *path, struct body *body)
{
    char url[512];
    CURL *easy = curl_easy_init();
    snprintf(url, sizeof url, "%s%s", base, path);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, collect);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, body);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    return easy;
}

static CURL *execute_request(struct body *body)
{
    CURL *easy = request("/toolbox/sb/process/execute", body);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, "{\"command\":\"echo hello\"}");
    return easy;
}

static void execute(void)
{
    struct body body = {0};
    CURL *easy = execute_request(&body);
    struct measure from;
    for (int i = -200; i < EXECUTES; i++) {
        if (i == 0)
            from = begin();
        body.len = 0;
        require(curl_easy_perform(easy) == CURLE_OK && body.len > 20, "execute failed");
    }
    report(from, EXECUTES);
}

static void in_flight(int width)
{
    CURLM *multi = curl_multi_init();
    struct body *bodies = calloc(width, sizeof *bodies);
    int submitted = 0, done = 0, running, left;
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, 2L * width);
    struct measure from = begin();
    for (; submitted < width; submitted++) {
        CURL *easy = execute_request(&bodies[submitted]);
        curl_easy_setopt(easy, CURLOPT_PRIVATE, &bodies[submitted]);
        curl_multi_add_handle(multi, easy);
    }
    while (done < IN_FLIGHT_CALLS) {
        CURLMsg *message;
        curl_multi_perform(multi, &running);
        while ((message = curl_multi_info_read(multi, &left))) {
            struct body *body;
            CURL *easy = message->easy_handle;
            curl_easy_getinfo(easy, CURLINFO_PRIVATE, &body);
            require(message->data.result == CURLE_OK && body->len > 20, "execute failed");
            done++;
            curl_multi_remove_handle(multi, easy);
            if (submitted < IN_FLIGHT_CALLS) {
                body->len = 0;
                curl_multi_add_handle(multi, easy);
                submitted++;
            }
        }
        if (done < IN_FLIGHT_CALLS)
            curl_multi_poll(multi, NULL, 0, 1000, NULL);
    }
    report(from, IN_FLIGHT_CALLS);
}

static void upload(const char *path)
{
    struct stat info;
    struct body body = {0};
    FILE *file = fopen(path, "rb");
    require(file && !stat(path, &info), path);
    CURL *easy = request("/toolbox/sb/files/upload-v2?path=%2Ftmp%2Fupload", &body);
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_READDATA, file);
    curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, 512L << 10);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)info.st_size);
    struct measure from = begin();
    require(curl_easy_perform(easy) == CURLE_OK, "upload failed");
    report(from, info.st_size / MIB);
}

static void download(const char *path)
{
    struct stat info;
    FILE *file = fopen(path, "wb");
    require(file != NULL, path);
    CURL *easy = request("/toolbox/sb/files/download?path=%2Ftmp%2Fdownload", NULL);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, NULL);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, file);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 512L << 10);
    struct measure from = begin();
    require(curl_easy_perform(easy) == CURLE_OK, "download failed");
    fclose(file);
    require(!stat(path, &info), path);
    report(from, info.st_size / MIB);
}

static void list_pages(void)
{
    struct body body = {0};
    char url[512], cursor[64] = "";
    CURL *easy = request("/api/sandbox?limit=200", &body);
    struct measure from = begin();
    for (int i = 0; i < LISTS; i++) {
        int pages = 0;
        bool more = true;
        snprintf(url, sizeof url, "%s/api/sandbox?limit=200", base);
        while (more) {
            curl_easy_setopt(easy, CURLOPT_URL, url);
            body.len = 0;
            require(curl_easy_perform(easy) == CURLE_OK, "list failed");
            collect("", 1, 1, &body);
            more = next_cursor(body.text, cursor, sizeof cursor);
            snprintf(url, sizeof url, "%s/api/sandbox?limit=200&cursor=%s", base, cursor);
            pages++;
        }
        require(pages == PAGES, "pages are missing");
    }
    report(from, LISTS);
}

static void read_file(void)
{
    struct body body = {0};
    CURL *easy = request("/toolbox/sb/files/download?path=%2Ftmp%2Fread", &body);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 512L << 10);
    struct measure from = begin();
    require(curl_easy_perform(easy) == CURLE_OK && body.len == (size_t)256 * MIB, "read failed");
    report(from, 256);
}

static void list(void)
{
    struct body body = {0};
    CURL *easy = request("/api/sandbox", &body);
    struct measure from = begin();
    for (int i = 0; i < LISTS; i++) {
        body.len = 0;
        require(curl_easy_perform(easy) == CURLE_OK && body.len > MIB, "list failed");
    }
    report(from, LISTS);
}

int main(int count, char **arguments)
{
    require(count >= 3, "bench-curl PORT MEASURE [ARGUMENT]");
    const char *measure = arguments[2];
    curl_global_init(CURL_GLOBAL_DEFAULT);
    snprintf(base, sizeof base, "http://127.0.0.1:%s", arguments[1]);
    headers = curl_slist_append(headers, "Content-Type: application/json");
    headers = curl_slist_append(headers, "Authorization: Bearer bench");
    headers = curl_slist_append(headers, "Expect:");
    if (!strcmp(measure, "execute"))
        execute();
    else if (!strcmp(measure, "in-flight"))
        in_flight(atoi(arguments[3]));
    else if (!strcmp(measure, "upload"))
        upload(arguments[3]);
    else if (!strcmp(measure, "download"))
        download(arguments[3]);
    else if (!strcmp(measure, "list"))
        list();
    else if (!strcmp(measure, "list-pages"))
        list_pages();
    else if (!strcmp(measure, "read"))
        read_file();
    else
        require(0, "no such measure");
    return 0;
}
