// What goes into the library arrives, and comes back as it was: through the echo target, without a server.
#include "check.hpp"
#include "soak.hpp"
#include <deque>
#include <limits>
#include <pthread.h>

namespace {

using daytona::Call;
using daytona::Echo;
using daytona::Json;
using daytona::Stream;

/// Longer than any test: what waits for it has to be ended.
constexpr std::int64_t ages_ms = 600000;

void every_type_of_json_comes_back() {
    const Echo echo;
    const Json value = {{"text", "a\"\\/\b\f\n\r\t\x01\x7f"}, {"none", nullptr}, {"yes", true}, {"list", {1, "two", nullptr, {{"in", {}}}}},
                        {"object", Json::object()}, {"fraction", -1.5e-7}};
    SAME(echo.value(value), value);
    SAME(echo.value_async(value).get(), value);
    SAME(echo.value(), Json::object());
}

void texts_of_all_of_unicode_come_back() {
    const Echo echo;
    const Json value = {{"nul", std::string("a\0b\0", 4)}, {"ключ", "Привет"}, {"鍵", "日本語"}, {"emoji", "🦀👩‍👩‍👧"}, {"edges", "\u0080\u07ff\u0800\uffff\U00010000\U0010ffff"},
                        {"", ""}, {std::string("k\0", 2), std::string(100000, 'x')}};
    SAME(echo.value(value), value);
    SAME(echo.value_async(value).get(), value);
}

void a_lone_surrogate_of_a_server_is_a_replacement_character() {
    const auto read = [](std::string_view json) { return daytona::detail::Result<Json>::read(nullptr, 0, json); };
    SAME(read(R"({"a":"x\ud800y","b":"\uDC00","c":"\ud83e\udd80\ud83e"})"), Json({{"a", "x\ufffdy"}, {"b", "\ufffd"}, {"c", "🦀\ufffd"}}));
    SAME(read(R"(["\\ud800","\ud800"])"), Json({"\\ud800", "\ufffd"}));
    for (const char *none : {"", "{", R"(["\ud800)", R"(["\ud8)", R"(["\ud800"],)", "\\u", "\\"}) {
        try {
            read(none);
            CHECK(!"accepted");
        } catch (const daytona::Protocol &) {
        }
    }
}

void a_result_nested_deeply_is_read() {
    const std::size_t deep = 100000; // A copy of it would need a stack of this depth.
    const Json value = daytona::detail::Result<Json>::read(nullptr, 0, std::string(deep, '[') + std::string(deep, ']'));
    CHECK(value.is_array());
}

void big_numbers_keep_every_digit() {
    const Echo echo;
    const Json value = {{"a", 9007199254740993}, {"min", std::numeric_limits<std::int64_t>::min()}, {"max", std::numeric_limits<std::int64_t>::max()},
                        {"unsigned", std::numeric_limits<std::uint64_t>::max()}, {"tiny", 5e-324}, {"huge", 1.7976931348623157e308}, {"tenth", 0.1}};
    SAME(echo.value(value), value);
}

void bytes_come_back() {
    const Echo echo;
    std::string every;
    for (int i = 0; i < 256; i++)
        every += static_cast<char>(i);
    for (const std::string &bytes : {std::string(), std::string(1, '\0'), every, std::string(8 << 20, '\xff')}) {
        CHECK(echo.bytes(bytes) == bytes);
        CHECK(echo.bytes_async(bytes).get() == bytes);
    }
}

void what_json_cannot_say_is_refused() {
    const Echo echo;
    for (const char *text : {"\xff", "\xed\xa0\x80", "a\xc3"}) {
        const auto error = THROWS(daytona::InvalidArgument, echo.value({{"text", text}}));
        SAME(error.status(), DAYTONA_INVALID_ARGUMENT);
        SAME(error.operation(), "echo.value");
    }
    for (const double none : {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
        THROWS(daytona::InvalidArgument, echo.delay(1, {{"timeoutMs", none}})); // As null it would be no limit.
        THROWS(daytona::InvalidArgument, echo.value({{"list", {{{"in", none}}}}}));
    }
}

void options_that_are_no_object_are_refused() {
    const Echo echo;
    for (const Json &options : {Json::array({1}), Json("text"), Json(1), Json(true)}) {
        const auto error = THROWS(daytona::InvalidArgument, echo.delay(1, options));
        CHECK(std::string(error.what()).find("echo.delay") != std::string::npos);
        SAME(std::string(error.kind()), "InvalidArgument");
    }
    THROWS(daytona::InvalidArgument, echo.delay(1, {{"unknown", 1}}));
    for (const Json &ms : {Json(0), Json()}) { // Else it would win over the argument.
        THROWS(daytona::InvalidArgument, echo.delay(ages_ms, {{"ms", ms}}));
        SAME(THROWS(daytona::InvalidArgument, echo.delay_async(ages_ms, {{"ms", ms}})).operation(), "echo.delay");
    }
    THROWS(daytona::InvalidArgument, echo.delay(1, {{"timeoutMs", "soon"}}));
    THROWS(daytona::InvalidArgument, echo.call("echo.delay"));
    THROWS(daytona::InvalidArgument, echo.call("echo.nothing"));
    THROWS(daytona::InvalidArgument, echo.call("echo.stream"));
    THROWS(daytona::InvalidArgument, echo.delay_async(-1).get());
}

void an_error_is_of_the_class_of_its_code_or_status() {
    const Echo echo;
    const auto error = THROWS(daytona::FileNotFound, echo.error(404, {{"code", "FILE_NOT_FOUND"}, {"message", "no such file"}, {"retryAfterMs", 1500}}));
    SAME(std::string(error.what()), "no such file");
    SAME(error.status(), 404);
    SAME(std::string(error.name()), "NOT_FOUND");
    SAME(error.code(), "FILE_NOT_FOUND");
    SAME(error.operation(), "echo.error");
    SAME(error.request_id(), "");
    CHECK(error.retry_after() == std::chrono::milliseconds(1500));
    CHECK(error.json().contains("headers"));
    CHECK(dynamic_cast<const daytona::NotFound *>(static_cast<const daytona::Error *>(&error)) != nullptr);
    THROWS(daytona::NotFound, echo.error(404));
    THROWS(daytona::Tls, echo.error(DAYTONA_TLS));
    THROWS(daytona::Error, echo.error(418));
    THROWS(daytona::Panic, echo.panic());
    THROWS(daytona::Conflict, echo.error_async(409).get());
    SAME(echo.value({{"after", 1}}), Json({{"after", 1}}));
    daytona::FileNotFound first = error;
    const daytona::FileNotFound second = std::move(first);
    SAME(first.code(), second.code());
}

void a_handle_is_released_once() {
    const Echo echo;
    Echo first = echo.handle({{"a", 1}});
    SAME(first.json(), Json({{"a", 1}}));
    const std::uint64_t handle = first.native_handle();
    Echo second = std::move(first);
    SAME(second.native_handle(), handle);
    const Json &json = echo.handle({{"b", 2}}).json(); // Outlives what it is of.
    SAME(json["b"], 2);
    SAME(second.value({{"b", 2}}), Json({{"b", 2}}));
    second = echo.handle_async().get();
    THROWS(daytona::InvalidHandle, first.value()); // Moved from.
    THROWS(daytona::InvalidHandle, first.value_async().get());
    SAME(second.value(), Json::object());
    second.close();
    second.close();
    THROWS(daytona::InvalidHandle, second.value());
}

void a_handle_that_nobody_can_use_is_released() {
    const Echo echo;
    const auto slot = [&echo] { return echo.handle().native_handle() >> 26; };
    const std::uint64_t before = slot();
    for (int i = 0; i < 3; i++)
        SAME(echo.call("echo.handle", {{"a", 1}}), Json({{"a", 1}}));
    SAME(slot(), before);
}

void a_call_without_a_thread_to_complete_it_fails() {
    const Echo echo;
    pthread_attr_t before, big;
    pthread_getattr_default_np(&before);
    pthread_attr_init(&big);
    pthread_attr_setstacksize(&big, std::size_t(1) << 60);
    pthread_setattr_default_np(&big);
    Call<Json> call = echo.value_async();
    pthread_setattr_default_np(&before);
    SAME(THROWS(daytona::Io, call.get()).operation(), "echo.value");
    SAME(echo.value_async().get(), Json::object());
}

void a_hundred_thousand_calls_answer_in_a_window_of_64() {
    const Echo echo;
    soak("C++", [&echo](int calls) {
        std::deque<Call<Json>> window;
        int next = 0;
        const auto take = [&] {
            SAME(window.front().get()["n"], next);
            window.pop_front();
            next++;
        };
        for (int i = 0; i < calls; i++) {
            window.push_back(echo.value_async({{"n", i}}));
            if (window.size() == 64)
                take();
        }
        while (!window.empty())
            take();
        SAME(next, calls);
    });
}

void sixty_four_threads_get_their_own_answers() {
    const Echo echo;
    std::vector<std::future<void>> threads;
    for (int thread = 0; thread < 64; thread++)
        threads.push_back(std::async(std::launch::async, [&echo, thread] {
            std::vector<Call<Json>> calls;
            for (int i = 0; i < 50; i++) {
                calls.push_back(echo.value_async({{"thread", thread}, {"i", i}}));
                SAME(echo.value({{"blocking", thread * 50 + i}})["blocking"], thread * 50 + i);
            }
            for (int i = 0; i < 50; i++)
                SAME(calls[static_cast<std::size_t>(i)].get(), Json({{"thread", thread}, {"i", i}}));
        }));
    for (auto &thread : threads)
        thread.get();
}

void a_call_is_cancelled_and_others_go_on() {
    const Echo echo;
    Call<void> call = echo.delay_async(ages_ms), other = echo.delay_async(1);
    call.cancel();
    THROWS(daytona::Cancelled, call.get());
    call.cancel();
    other.get();
    other.cancel();
}

void a_time_limit_ends_a_call() {
    const Echo echo;
    SAME(THROWS(daytona::Timeout, echo.delay(ages_ms, {{"timeoutMs", 20}})).status(), DAYTONA_TIMEOUT);
    THROWS(daytona::Timeout, echo.delay_async(ages_ms, {{"timeoutMs", 20}}).get());
    echo.delay(1, {{"timeoutMs", 0}});
}

void what_is_under_way_ends_with_its_client() {
    std::optional<Echo> echo(std::in_place);
    std::vector<std::future<void>> calls;
    for (int i = 0; i < 100; i++)
        calls.push_back(echo->delay_async(ages_ms));
    auto answered = echo->value_async({{"a", 1}});
    answered.wait();
    auto blocking = std::async(std::launch::async, [&echo] { echo->delay(ages_ms); });
    Echo part = echo->handle();
    Stream stream = echo->stream({{"echo", true}});
    auto reading = std::async(std::launch::async, [&] { THROWS(daytona::Closed, stream.next()); });
    echo->close();
    for (auto &call : calls)
        THROWS(daytona::Closed, call.get());
    try {
        blocking.get();
        throw check::Failed("it ended well");
    } catch (const daytona::Closed &) {
    } catch (const daytona::InvalidHandle &) { // It had not begun.
    }
    reading.get();
    SAME(answered.get(), Json({{"a", 1}})); // What was there stays.
    THROWS(daytona::Closed, echo->value_async().get());
    THROWS(daytona::InvalidHandle, echo->value());
    THROWS(daytona::Closed, part.value_async().get());
    THROWS(daytona::Closed, part.value());
    echo->close();
    echo.reset();
    THROWS(daytona::Closed, part.value_async().get()); // Outlives its client.
}

void a_client_closed_while_threads_submit_answers_every_call() {
    for (int round = 0; round < 20; round++) {
        Echo echo;
        std::vector<std::future<int>> threads;
        for (int thread = 0; thread < 4; thread++)
            threads.push_back(std::async(std::launch::async, [&echo] {
                std::vector<std::future<Json>> calls;
                for (int i = 0; i < 200; i++)
                    calls.push_back(echo.value_async({{"i", i}}));
                int answered = 0;
                for (auto &call : calls)
                    try {
                        call.get();
                        answered++;
                    } catch (const daytona::Closed &) {
                    } catch (const daytona::InvalidHandle &) {
                    }
                return answered;
            }));
        echo.value_async().get();
        echo.close();
        for (auto &thread : threads)
            CHECK(thread.get() <= 200);
    }
}

void a_result_that_nobody_takes_is_dropped() {
    const Echo echo;
    for (int i = 0; i < 100; i++) {
        static_cast<void>(echo.handle_async({{"i", i}})); // Its handle is closed with the future.
        static_cast<void>(echo.error_async(404));
        static_cast<void>(echo.delay_async(ages_ms));
    }
    echo.value_async().get();
}

void a_stream_is_a_range() {
    const Echo echo;
    Stream stream = echo.stream({{"chunks", 5}, {"size", 3}, {"channel", DAYTONA_STDERR}});
    std::string text;
    std::uint64_t position = 0;
    for (const auto &chunk : stream) {
        CHECK(chunk.is_stderr() && !chunk.is_stdout() && chunk.channel() == daytona::Channel::standard_error);
        text += chunk.text();
        position = chunk.position();
    }
    SAME(text, "aaabbbcccdddeee");
    SAME(position, 15u);
    SAME(stream.result()["chunks"], 5);
    SAME(stream.result()["bytes"], 15); // As often as asked.
    CHECK(!stream.next());
    CHECK(stream.begin() == stream.end());
    CHECK(stream.opened().is_null());

    text.clear();
    for (auto chunk : echo.stream({{"chunks", 2}, {"size", 2}})) // A copy each, of a stream that lives as long as the loop.
        text += chunk.text();
    SAME(text, "aabb");
    const Json &result = echo.stream({{"chunks", 3}}).result(); // Outlives its stream.
    SAME(result["bytes"], 48);
}

void a_stream_gives_back_what_is_written() {
    const Echo echo;
    Stream stream = echo.stream({{"echo", true}, {"channel", 0}});
    for (const int time : {1, 0, -1}) // A time that has passed.
        CHECK(!stream.wait_for(std::chrono::milliseconds(time)));
    const std::string bytes("a\0\xff\xc3", 4);
    stream.write(bytes);
    CHECK(stream.wait_for(std::chrono::minutes(10)));
    CHECK(stream.next()->text() == bytes);

    const std::string much(4 << 20, 'x');
    std::size_t read = 0;
    auto writing = std::async(std::launch::async, [&] {
        stream.write(much);
        stream.finish();
    });
    for (const auto &chunk : stream)
        read += chunk.text().size();
    writing.get();
    SAME(read, much.size());
    THROWS(daytona::Closed, stream.write("late"));
}

void writing_without_waiting_takes_what_fits() {
    const Echo echo;
    Stream stream = echo.stream({{"echo", true}, {"bufferBytes", 65536}});
    const std::string data(1 << 16, 'x');
    std::size_t written = 0, read = 0;
    for (int full = 0; full < 10; full++, std::this_thread::sleep_for(std::chrono::milliseconds(5)))
        while (const std::size_t count = stream.write_some(data)) { // Until nothing fits, because nobody reads.
            written += count;
            full = 0;
        }
    CHECK(written > 0 && written < 1 << 19); // A few times 64 KiB: what is unsent, under way and unread.
    stream.finish();
    for (const auto &chunk : stream)
        read += chunk.text().size();
    SAME(read, written);
}

void a_stream_that_fails_throws_after_its_data() {
    Echo echo;
    Stream stream = echo.stream({{"chunks", 2}, {"size", 1}, {"echo", true}});
    stream.write("c");
    std::string text = stream.next()->text();
    while (text.size() < 3)
        text += stream.next()->text();
    SAME(text, "abc");
    echo.close();
    THROWS(daytona::Closed, stream.next());
    THROWS(daytona::Closed, stream.result()); // Every time.

    const Echo other;
    THROWS(daytona::Timeout, other.stream({{"echo", true}, {"timeoutMs", 20}}).result());
    THROWS(daytona::InvalidArgument, other.stream({{"channel", 9}}));
    for (const Json &none : {Json("many"), Json(-5), Json(1.5)}) {
        const std::string message = THROWS(daytona::InvalidArgument, other.stream({{"bufferBytes", none}})).what();
        CHECK(message.find("`bufferBytes`") != std::string::npos);
    }
    SAME(other.stream({{"bufferBytes", nullptr}}).result()["chunks"], 1);
}

void leaving_a_stream_ends_it() {
    const Echo echo;
    for (const auto &chunk : echo.stream({{"chunks", 1000000}, {"size", 1024}}))
        if (chunk.text()[0] == 'b')
            break;
    Stream stream = echo.stream({{"echo", true}});
    auto reading = std::async(std::launch::async, [&] { return stream.next(); });
    stream.close(); // By another thread.
    THROWS(daytona::Closed, reading.get());
    SAME(THROWS(daytona::Closed, stream.next()).operation(), "echo.stream");
    Stream fetched = echo.stream({{"chunks", 50}});
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    fetched.next();
    fetched.next();
    fetched.close();
    THROWS(daytona::Closed, fetched.next()); // Also what came with the last one.
    Stream other = std::move(stream);
    THROWS(daytona::InvalidHandle, stream.next());
    other = echo.stream();
    Stream &same = other;
    other = std::move(same); // Stays what it is.
    SAME(other.result()["chunks"], 1);
}

void an_exception_in_a_loop_over_a_stream_comes_out_of_it() {
    const Echo echo;
    const auto read = [&] {
        for (const auto &chunk : echo.stream({{"chunks", 1000}}))
            throw std::out_of_range(chunk.text());
    };
    try {
        read();
        throw check::Failed("nothing was thrown");
    } catch (const std::out_of_range &error) {
        SAME(std::string(error.what()), std::string(16, 'a'));
    }
}

void a_client_moves() {
    Echo first;
    auto call = first.delay_async(ages_ms);
    Echo second = std::move(first);
    SAME(second.value({{"a", 1}}), Json({{"a", 1}}));
    Echo third;
    third = std::move(second); // Closes what it was.
    call.cancel();
    THROWS(daytona::Cancelled, call.get());
}

void an_image_is_what_its_steps_say() {
    const daytona::Image image = daytona::Image::base("b").apt_get({"git"}).pip_install({"numpy"}, {{"pre", true}}).env("A", "1").run("x").run_program({"sh", "-c"})
                                     .expose({80}).cmd({}).add_local_file("l", "r");
    const Json wanted = {{"base", "b"},
                         {"steps",
                          {{{"aptGet", {"git"}}},
                           {{"pipInstall", {{"packages", {"numpy"}}, {"pre", true}}}},
                           {{"env", {{"A", "1"}}}},
                           {{"run", "x"}},
                           {{"run", Json::array({"sh", "-c"})}},
                           {{"expose", {80}}},
                           {{"cmd", Json::array()}},
                           {{"addLocalFile", {{"localPath", "l"}, {"remotePath", "r"}}}}}}};
    SAME(Json(image), wanted);
    SAME(Json(daytona::Image::debian_slim())["debianSlim"], Json());
    SAME(Json(daytona::Image::from_dockerfile("FROM a", "dir"))["contextDir"], "dir");
}

} // namespace

int main(int argc, char **argv) {
#define TEST(name) {#name, name}
    const check::Test tests[] = {
        TEST(every_type_of_json_comes_back),
        TEST(texts_of_all_of_unicode_come_back),
        TEST(a_lone_surrogate_of_a_server_is_a_replacement_character),
        TEST(a_result_nested_deeply_is_read),
        TEST(big_numbers_keep_every_digit),
        TEST(bytes_come_back),
        TEST(what_json_cannot_say_is_refused),
        TEST(options_that_are_no_object_are_refused),
        TEST(an_error_is_of_the_class_of_its_code_or_status),
        TEST(a_handle_is_released_once),
        TEST(a_handle_that_nobody_can_use_is_released),
        TEST(a_call_without_a_thread_to_complete_it_fails),
        TEST(a_hundred_thousand_calls_answer_in_a_window_of_64),
        TEST(sixty_four_threads_get_their_own_answers),
        TEST(a_call_is_cancelled_and_others_go_on),
        TEST(a_time_limit_ends_a_call),
        TEST(what_is_under_way_ends_with_its_client),
        TEST(a_client_closed_while_threads_submit_answers_every_call),
        TEST(a_result_that_nobody_takes_is_dropped),
        TEST(a_stream_is_a_range),
        TEST(a_stream_gives_back_what_is_written),
        TEST(writing_without_waiting_takes_what_fits),
        TEST(a_stream_that_fails_throws_after_its_data),
        TEST(leaving_a_stream_ends_it),
        TEST(an_exception_in_a_loop_over_a_stream_comes_out_of_it),
        TEST(a_client_moves),
        TEST(an_image_is_what_its_steps_say),
    };
    return check::all(tests, argc, argv);
}
