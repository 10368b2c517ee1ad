/* Writing to streams: bounded, in turns, with WRITABLE, until the finish. */
#include "check.h"

static uint8_t bytes[1 << 20];

static void a_write_that_never_blocks_takes_a_part_then_nothing_then_one_writable_comes(void)
{
    daytona_client_t client = echo_client();
    /* Nobody reads, so the echo fills the queue, then the buffer. */
    daytona_queue_t queue = new_queue("{\"capacityEvents\":1}");
    daytona_stream_t stream = open_stream(client, "{\"echo\":true,\"bufferBytes\":65536}", queue);
    size_t written = 0, total = 0;
    int32_t status;
    int parts = 0;
    CHECK(next(queue).kind == DAYTONA_OPENED);
    for (int refused = 0; refused < 3; usleep(10000)) {
        status = STATUS(daytona_stream_write(stream, bytes, sizeof bytes, 0, &written, &out));
        refused = status ? refused + 1 : 0;
        CHECK(status ? status == DAYTONA_WOULD_BLOCK && written == 0 : written > 0 && written < sizeof bytes && !out);
        CHECK(!status || number(out, "/status") == DAYTONA_WOULD_BLOCK);
        total += written;
        parts += !status;
    }
    CHECK(parts > 0);
    size_t echoed = 0;
    int writable = 0;
    while (echoed < total) {
        daytona_event_t event = next(queue);
        writable += event.kind == DAYTONA_WRITABLE;
        if (event.kind == DAYTONA_DATA)
            echoed += event.len;
    }
    while (!is_quiet(queue))
        ;
    CHECK(writable >= 1);
    CHECK(STATUS(daytona_stream_write(stream, bytes, 10, 0, &written, &out)) == 0 && written == 10);
    CHECK(next(queue).kind == DAYTONA_DATA);
    CHECK(is_quiet(queue));
    daytona_close(stream);
    daytona_close(queue);
    daytona_close(client);
}

static void one_refusal_makes_one_writable(void)
{
    daytona_client_t client = echo_client();
    daytona_queue_t queue = new_queue(NULL);
    for (int i = 0; i < 20; i++) {
        daytona_stream_t stream = open_stream(client, "{\"echo\":true,\"bufferBytes\":65536}", queue);
        size_t written = 0, data = 0;
        /* Until OPENED a write behaves as on a full buffer. */
        int32_t status = STATUS(daytona_stream_write(stream, bytes, 70000, 0, &written, &out));
        CHECK((status == DAYTONA_WOULD_BLOCK && written == 0) || (status == 0 && written <= 65536));
        int opened = 0, writable = 0;
        while (!opened || !writable || data < written) {
            daytona_event_t event = next(queue);
            opened += event.kind == DAYTONA_OPENED;
            writable += event.kind == DAYTONA_WRITABLE;
            data += event.kind == DAYTONA_DATA ? event.len : 0;
            CHECK(opened >= writable);
        }
        CHECK(writable == 1 && is_quiet(queue));
        daytona_close(stream);
    }
    daytona_close(queue);
    daytona_close(client);
}

struct writer {
    daytona_stream_t stream;
    uint8_t letter;
    int rounds;
};

#define PIECE 3000

static void *write_pieces(void *context)
{
    struct writer *writer = context;
    uint8_t piece[PIECE];
    memset(piece, writer->letter, sizeof piece);
    for (int i = 0; i < writer->rounds; i++) {
        size_t written;
        if (daytona_stream_write(writer->stream, piece, sizeof piece, i % 2 ? -1 : 60000, &written, NULL) || written != PIECE)
            exit(7);
    }
    return NULL;
}

static void writes_of_several_threads_do_not_interleave(void)
{
    daytona_client_t client = echo_client();
    daytona_stream_t stream = open_stream(client, "{\"echo\":true,\"bufferBytes\":65536}", 0);
    pthread_t threads[4];
    struct writer writers[4];
    for (int i = 0; i < 4; i++) {
        writers[i] = (struct writer){stream, (uint8_t)('A' + i), 50};
        CHECK(!pthread_create(&threads[i], NULL, write_pieces, &writers[i]));
    }
    uint8_t buffer[9999], last = 0;
    size_t count, run = 0, total = 0;
    while (total < 4 * 50 * PIECE) {
        CHECK(daytona_stream_read(stream, buffer, sizeof buffer, -1, &count, NULL) == 0);
        for (size_t i = 0; i < count; i++) {
            if (buffer[i] != last) {
                CHECK(run % PIECE == 0);
                run = 0;
                last = buffer[i];
            }
            run++;
        }
        total += count;
    }
    CHECK(run % PIECE == 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    daytona_close(stream);
    daytona_close(client);
}

/* Writes until there is no space for a while, and not at once either, while other threads fill the stream too. */
static void wait_until_full(daytona_stream_t stream)
{
    size_t written;
    int32_t status;
    do {
        do {
            written = 9;
            status = STATUS(daytona_stream_write(stream, bytes, 1, 10, &written, &out));
        } while (status == DAYTONA_OK);
        CHECK(status == DAYTONA_TIMEOUT && written == 0);
        written = 9;
        status = STATUS(daytona_stream_write(stream, bytes, 1, 0, &written, &out));
    } while (status == DAYTONA_OK);
    CHECK(status == DAYTONA_WOULD_BLOCK && written == 0);
}

static atomic_int write_status, closed_writes, late_writes;

static void *write_too_much(void *stream)
{
    for (;;) {
        size_t written = 0;
        int32_t status = daytona_stream_write(*(daytona_stream_t *)stream, bytes, sizeof bytes, -1, &written, NULL);
        if (status) {
            atomic_fetch_add(&write_status, status);
            closed_writes += status == DAYTONA_CLOSED;
            late_writes += status == DAYTONA_INVALID_HANDLE;
            return NULL;
        }
    }
}

static void closing_ends_all_who_wait_to_write_with_closed(void)
{
    daytona_client_t client = echo_client();
    closed_writes = late_writes = 0;
    for (int i = 0; i < 10 || closed_writes <= late_writes; i++) {
        daytona_stream_t stream = open_stream(client, "{\"echo\":true}", 0);
        pthread_t threads[3];
        for (int k = 0; k < 3; k++)
            CHECK(!pthread_create(&threads[k], NULL, write_too_much, &stream));
        wait_until_full(stream);
        CHECK(daytona_close(stream) == 0);
        for (int k = 0; k < 3; k++)
            pthread_join(threads[k], NULL);
        /* A thread that had not begun its write finds no stream. */
        CHECK(closed_writes + late_writes == 3 * (i + 1));
    }
    daytona_close(client);
}

static void who_is_refused_because_another_thread_writes_gets_its_writable(void)
{
    daytona_client_t client = echo_client();
    daytona_queue_t queue = new_queue("{\"capacityEvents\":1}");
    do { /* again, where the thread was not inside a write when the stream was closed */
        daytona_stream_t stream = open_stream(client, "{\"echo\":true,\"bufferBytes\":65536}", queue);
        pthread_t thread;
        write_status = 0;
        CHECK(next(queue).kind == DAYTONA_OPENED);
        CHECK(!pthread_create(&thread, NULL, write_too_much, &stream));
        wait_until_full(stream);
        while (next(queue).kind != DAYTONA_WRITABLE)
            ;
        daytona_close(stream);
        pthread_join(thread, NULL);
    } while (write_status == DAYTONA_INVALID_HANDLE);
    CHECK(write_status == DAYTONA_CLOSED);
    daytona_close(queue);
    daytona_close(client);
}

static void after_the_finish_the_stream_completes_and_takes_no_more(void)
{
    daytona_client_t client = echo_client();
    daytona_queue_t queue = new_queue(NULL);
    daytona_stream_t stream = open_stream(client, "{\"echo\":true}", queue);
    size_t written = 9;
    CHECK(STATUS(daytona_stream_write(stream, (const uint8_t *)"abc", 3, -1, &written, &out)) == 0 && written == 3);
    CHECK(STATUS(daytona_stream_finish(stream, &out)) == 0 && out == NULL);
    CHECK(STATUS(daytona_stream_finish(stream, &out)) == 0);
    CHECK(STATUS(daytona_stream_write(stream, (const uint8_t *)"d", 1, -1, &written, &out)) == DAYTONA_CLOSED && written == 0);
    CHECK(next(queue).kind == DAYTONA_OPENED);
    daytona_event_t event = next(queue);
    CHECK(event.kind == DAYTONA_DATA && event.len == 3 && !memcmp(event.data, "abc", 3));
    event = next(queue);
    CHECK(event.kind == DAYTONA_ENDED && event.status == 0 && number((const char *)event.data, "/bytes") == 3);
    CHECK(STATUS(daytona_stream_write(stream, (const uint8_t *)"d", 1, 0, &written, &out)) == DAYTONA_CLOSED);
    char *name;
    CHECK(daytona_json_text(out, "/operation", &name, NULL) == 0 && !strcmp(name, "echo.stream"));
    daytona_free(name);
    daytona_close(stream);
    stream = open_stream(client, "{\"echo\":true}", queue);
    CHECK(STATUS(daytona_stream_finish(stream, &out)) == 0); /* before OPENED, perhaps */
    while (next(queue).kind != DAYTONA_ENDED)
        ;
    daytona_close(stream);
    daytona_close(queue);
    daytona_close(client);
}

int main(void)
{
    memset(bytes, 'w', sizeof bytes);
    RUN(a_write_that_never_blocks_takes_a_part_then_nothing_then_one_writable_comes);
    RUN(one_refusal_makes_one_writable);
    RUN(writes_of_several_threads_do_not_interleave);
    RUN(closing_ends_all_who_wait_to_write_with_closed);
    RUN(who_is_refused_because_another_thread_writes_gets_its_writable);
    RUN(after_the_finish_the_stream_completes_and_takes_no_more);
    return 0;
}
