// Streams: a range of chunks, and what is written into them.
#ifndef DAYTONA_STREAM_HPP
#define DAYTONA_STREAM_HPP

#include <array>
#include <daytona/call.hpp>
#include <iterator>

namespace daytona {

class Sandbox;
namespace detail {
class Operations;
}

/// Where a chunk came from.
enum class Channel : std::int32_t {
    none = DAYTONA_NONE, ///< The stream has one channel.
    standard_output = DAYTONA_STDOUT,
    standard_error = DAYTONA_STDERR,
    structured = DAYTONA_STRUCTURED, ///< A JSON value, as an interpreter's error.
};

/// A piece of a stream: raw bytes of one channel. A character of UTF-8 can begin in one chunk and end in the next.
class Chunk {
  public:
    /// The bytes.
    const std::string &text() const noexcept { return text_; }
    Channel channel() const noexcept { return channel_; }
    bool is_stdout() const noexcept { return channel_ == Channel::standard_output; }
    bool is_stderr() const noexcept { return channel_ == Channel::standard_error; }
    bool is_structured() const noexcept { return channel_ == Channel::structured; }
    /// Raw bytes of the source that were consumed up to here: the value to resume from.
    std::uint64_t position() const noexcept { return position_; }
    /// The value of a structured chunk.
    Json json() const { return detail::Result<Json>::read(nullptr, 0, text_); }

  private:
    friend class Stream;
    std::string text_;
    Channel channel_ = Channel::none;
    std::uint64_t position_ = 0;
};

/// An open stream: a range over the chunks as they come, ended by its error where it fails. One thread reads;
/// others may write, finish and close meanwhile. Destroying it closes it.
class Stream {
  public:
    class Iterator {
      public:
        using iterator_category = std::input_iterator_tag;
        using value_type = Chunk;
        using difference_type = std::ptrdiff_t;
        using pointer = const Chunk *;
        using reference = const Chunk &;

        Iterator() = default;
        explicit Iterator(Stream *stream) : stream_(stream) { ++*this; }
        reference operator*() const { return stream_->state_->chunk; }
        pointer operator->() const { return &stream_->state_->chunk; }
        Iterator &operator++() {
            if (!stream_->read())
                stream_ = nullptr;
            return *this;
        }
        void operator++(int) { ++*this; }
        friend bool operator==(const Iterator &one, const Iterator &other) { return one.stream_ == other.stream_; }
        friend bool operator!=(const Iterator &one, const Iterator &other) { return one.stream_ != other.stream_; }

      private:
        Stream *stream_ = nullptr;
    };

    /// Goes on with what was not read yet. A chunk is valid until the next one.
    Iterator begin() { return Iterator(this); }
    Iterator end() { return Iterator(); }

    /// Waits for the next chunk; none at the end. Throws what the stream failed with.
    std::optional<Chunk> next() { return read() ? std::optional<Chunk>(state().chunk) : std::nullopt; }

    /// Waits until `next` would not wait: true; or until the time has passed: false.
    bool wait_for(std::chrono::milliseconds time) { return fill(std::max<std::int64_t>(time.count(), 0)); }

    /// Reads to the end, dropping what was not read yet, and says how it ended: the JSON that the operation
    /// describes. Throws what the stream failed with. As often as asked.
    const Json &result() & {
        while (read()) {
        }
        return state().ended;
    }
    Json result() && { return result(); } // Of a stream that has no name, and is gone before it is looked at.

    /// What the stream said when it was opened; null where that is nothing.
    const Json &opened() { return state().opened; }

    /// Writes all of it, waiting for room: read on another thread where what is written comes back.
    void write(std::string_view data) {
        detail::check(daytona_stream_write, state().stream, detail::bytes(data), data.size(), -1, nullptr);
    }

    /// Writes what there is room for without waiting; how many bytes that was, perhaps 0.
    std::size_t write_some(std::string_view data) {
        std::size_t written = 0;
        detail::check(daytona_stream_write, state().stream, detail::bytes(data), data.size(), 0, &written);
        return written;
    }

    /// Says that no more will be written: an upload completes, and `result` tells how.
    void finish() { detail::check(daytona_stream_finish, state().stream); }

    /// Ends the remote side where it can; a reader on another thread gets Closed. What was not read is dropped.
    void close() noexcept {
        if (state_)
            state_->close();
    }

    /// The handle for the functions of <daytona.h>.
    daytona_stream_t native_handle() { return state().stream; }

  protected:
    struct State {
        daytona_queue_t queue = 0;
        daytona_stream_t stream = 0;
        std::atomic<bool> closed{false};
        std::string operation;
        std::array<daytona_event_t, 64> events{};
        std::size_t next = 0, count = 0;
        Chunk chunk;
        bool is_over = false;
        Json opened, ended;
        std::exception_ptr error;
        std::uint64_t result = 0; // A handle that nobody took yet.
        std::shared_ptr<detail::Core> core;

        ~State() {
            close();
            daytona_close(result);
            for (; next < count; next++)
                daytona_close(events[next].result);
        }
        void close() noexcept {
            closed = true;
            daytona_close(queue); // First: a reader would get ENDED of the stream, and be told that it was cancelled.
            daytona_close(stream);
        }
    };

    State &state() const {
        if (!state_)
            throw InvalidHandle(DAYTONA_INVALID_HANDLE, detail::local(DAYTONA_INVALID_HANDLE, nullptr, "the stream was moved elsewhere"));
        return *state_;
    }

  private:
    friend class detail::Operations;

    /// Opens the stream over a queue of its own, which bounds what waits unread, and waits until it is open.
    Stream(std::shared_ptr<detail::Core> core, std::uint64_t target, detail::Params &params, const Json &options)
        : state_(std::make_unique<State>()) {
        State &it = *state_;
        it.core = std::move(core);
        it.operation = params.operation();
        Json bounds = {{"capacityBytes", 1 << 20}};
        if (const auto given = options.find("bufferBytes");
            given != options.end() && given->is_number_integer() && given->get<std::int64_t>() > 0)
            bounds["capacityBytes"] = *given; // What is none is refused below by its own name.
        detail::check(daytona_queue_open, bounds.dump().c_str(), &it.queue);
        detail::check(daytona_stream_open, target, params.operation(), params.text(), it.queue, std::uint64_t(), &it.stream);
        fill(-1, DAYTONA_OPENED);
        if (it.error)
            std::rethrow_exception(it.error);
    }

    /// Goes on to the next chunk; false at the end.
    bool read() {
        fill(-1);
        State &it = state();
        if (it.is_over) {
            if (it.error)
                std::rethrow_exception(it.error);
            return false;
        }
        const daytona_event_t &event = it.events[it.next++];
        it.chunk.text_.assign(detail::view(event));
        it.chunk.channel_ = static_cast<Channel>(event.channel);
        it.chunk.position_ = event.position;
        return true;
    }

    /// Waits until the next event is DATA or the stream is over, or, while opening, until it is open.
    bool fill(std::int64_t timeout_ms, std::int32_t wanted = DAYTONA_DATA) {
        State &it = state();
        const auto from = std::chrono::steady_clock::now();
        while (!it.is_over) {
            std::int32_t status = it.closed ? DAYTONA_CLOSED : DAYTONA_OK; // What was fetched before is dropped too.
            if (status == DAYTONA_OK && it.next == it.count) {
                it.next = it.count = 0;
                const auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - from);
                const std::int64_t left_ms = timeout_ms < 0 ? timeout_ms : std::max<std::int64_t>(timeout_ms - passed.count(), 0);
                status = daytona_queue_next(it.queue, it.events.data(), it.events.size(), left_ms, &it.count);
            }
            if (status == DAYTONA_TIMEOUT)
                return false;
            if (status != DAYTONA_OK)
                detail::raise_unread(status == DAYTONA_INVALID_HANDLE ? DAYTONA_CLOSED : status, it.operation.c_str());
            if (it.next == it.count)
                continue;
            const daytona_event_t &event = it.events[it.next];
            if (event.kind == DAYTONA_DATA)
                return true;
            it.next++;
            if (event.kind == DAYTONA_OPENED) {
                it.opened = detail::Result<Json>::read(nullptr, 0, detail::view(event));
                if (wanted == DAYTONA_OPENED)
                    return true;
            } else if (event.kind == DAYTONA_ENDED) {
                end(event);
            }
        }
        return true;
    }

    void end(const daytona_event_t &event) {
        State &it = *state_;
        it.is_over = true;
        it.result = event.result;
        if (event.status == DAYTONA_OK)
            it.ended = detail::Result<Json>::read(nullptr, 0, detail::view(event));
        else
            it.error = detail::error(event.status, detail::view(event));
    }

    std::unique_ptr<State> state_;
};

/// A stream that makes a sandbox; its chunks are the log of the build.
class SandboxStream : public Stream {
  public:
    /// Reads to the end and gives the sandbox, once.
    Sandbox sandbox();

  private:
    friend class detail::Operations;
    explicit SandboxStream(Stream &&stream) noexcept : Stream(std::move(stream)) {}
};

namespace detail {

/// What the generated classes are built upon: the handle that operations act on, and the ways to call one.
class Operations {
  public:
    /// The handle for the functions of <daytona.h>.
    std::uint64_t native_handle() const noexcept { return handle_; }

    /// Calls an operation by its name, as one that is newer than this header, with all parameters in one object.
    Json call(const std::string &operation, const Json &params = Json()) const {
        return call_<Json>(Params(operation.c_str(), params));
    }
    /// Opens a stream by the name of its operation.
    Stream open_stream(const std::string &operation, const Json &params = Json()) const {
        return open_(Params(operation.c_str(), params), params);
    }

  protected: // Names that no operation has: they end in an underscore.
    using Params = detail::Params;

    Operations(std::shared_ptr<Core> core, std::uint64_t handle) noexcept : core_(std::move(core)), handle_(handle) {}

    template <class T> T call_(Params &&params, std::string_view body = {}) const {
        char *out = nullptr;
        std::size_t len = 0;
        std::uint64_t result = 0;
        const std::int32_t status =
            daytona_call(handle_, params.operation(), params.text(), bytes(body), body.size(), &result, &out, &len);
        const Owned text(out);
        if (status != DAYTONA_OK)
            raise(status, view(out, len));
        return Result<T>::read(core_, result, view(out, len));
    }

    /// The same with reports of progress, which come on this thread.
    template <class T> T call_(Params &&params, const OnProgress &on_progress) const;

    template <class T> Call<T> submit_(Params &&params, std::string_view body = {}) const {
        auto promised = std::make_unique<Promised<T>>();
        std::future<T> future = promised->future();
        daytona_call_t call = 0;
        if (core_)
            core_->submit(handle_, params, body, std::move(promised), &call);
        else
            promised->failed(std::make_exception_ptr(
                InvalidHandle(DAYTONA_INVALID_HANDLE, local(DAYTONA_INVALID_HANDLE, params.operation(), "the client was moved elsewhere"))));
        return Call<T>(std::move(future), call);
    }

    template <class S = Stream> S open_(Params &&params, const Json &options) const {
        return S(Stream(core_, handle_, params, options));
    }

    static Operations made_(std::shared_ptr<Core> core, std::uint64_t handle) noexcept { return Operations(std::move(core), handle); }

    /// Opens a client or an echo target.
    static Operations opened_(std::int32_t (*open)(const char *, daytona_client_t *, char **), const char *operation, const Json &config) {
        check_version();
        shut_down_at_exit();
        Params params(operation, config);
        daytona_client_t client = 0;
        check(open, params.text(), &client);
        return Operations(std::make_shared<Core>(client), client);
    }

    void take_(Operations &other) noexcept {
        core_ = std::move(other.core_);
        handle_ = std::exchange(other.handle_, 0);
    }

    std::shared_ptr<Core> core_;
    std::uint64_t handle_ = 0;
};

template <class T> T Operations::call_(Params &&params, const OnProgress &on_progress) const {
    daytona_queue_t queue = 0;
    const auto close = [](const daytona_queue_t *it) { daytona_close(*it); }; // Cancels what is still under way.
    const std::unique_ptr<daytona_queue_t, decltype(close)> closed(&queue, close);
    check(daytona_queue_open, nullptr, &queue);
    check(daytona_submit, handle_, params.operation(), params.text(), nullptr, std::size_t(), queue, std::uint64_t(), nullptr);
    for (;;) {
        daytona_event_t event;
        std::size_t count = 0;
        const std::int32_t status = daytona_queue_next(queue, &event, 1, -1, &count);
        if (status != DAYTONA_OK)
            raise_unread(status, params.operation());
        if (count == 0)
            continue;
        if (event.kind == DAYTONA_PROGRESS) {
            const Json report = Json::parse(view(event), nullptr, false);
            Progress progress;
            progress.bytes = event.position;
            if (const auto total = report.find("total"); total != report.end() && total->is_number())
                progress.total = total->template get<std::uint64_t>();
            if (on_progress)
                on_progress(progress);
        } else if (event.kind == DAYTONA_DONE) {
            if (event.status != DAYTONA_OK)
                raise(event.status, view(event));
            return Result<T>::read(core_, event.result, view(event));
        }
    }
}

} // namespace detail
} // namespace daytona

#endif
