// Calls: the parameters, the blocking call, and the thread that completes futures.
#ifndef DAYTONA_CALL_HPP
#define DAYTONA_CALL_HPP

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <daytona/errors.hpp>
#include <functional>
#include <future>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>
#if defined(__unix__) || defined(__APPLE__)
#include <csignal>
#include <unistd.h>
#endif

namespace daytona {

/// How far a transfer is.
struct Progress {
    std::uint64_t bytes = 0;            ///< Bytes moved.
    std::optional<std::uint64_t> total; ///< Bytes in all, where they are known.
};

/// Called on the thread that called the operation. What it throws cancels the transfer and comes out of the
/// operation.
using OnProgress = std::function<void(const Progress &)>;

/// The result of a submitted operation: a std::future that can also be cancelled. Its errors are those of the
/// blocking operation; Closed where the client was closed before. Destroying it neither waits nor cancels.
template <class T> class Call : public std::future<T> {
  public:
    Call(std::future<T> pending, daytona_call_t call) noexcept : std::future<T>(std::move(pending)), call_(call) {}

    /// Ends the call with Cancelled, unless its result is in already; what becomes of the remote work says each
    /// operation. Any thread, any number of times.
    void cancel() noexcept { daytona_cancel(call_); }

  private:
    daytona_call_t call_; // Dies by itself with its result; cancelling a dead one does nothing.
};

namespace detail {

/// Checks, once in the process, that the library that was loaded has what this header needs.
inline void check_version() {
    static const std::uint32_t loaded = daytona_abi_version();
    if (loaded >> 16 == DAYTONA_ABI_VERSION >> 16 && loaded >= DAYTONA_ABI_VERSION)
        return;
    const auto number = [](std::uint32_t version) { return std::to_string(version >> 16) + "." + std::to_string(version & 0xffff); };
    throw Unsupported(DAYTONA_UNSUPPORTED,
                      local(DAYTONA_UNSUPPORTED, nullptr,
                            std::string("the libdaytona ") + daytona_version() + " that was loaded has the interface " + number(loaded) +
                                ", too " + (loaded < DAYTONA_ABI_VERSION ? "old" : "new") + " for the header daytona.hpp, which needs " +
                                number(DAYTONA_ABI_VERSION) + "; install the library and the header of one version"));
}

/// At the exit of the program, after the last client of static storage: finishes what closing began.
inline void shut_down_at_exit() {
    struct AtExit {
        ~AtExit() { daytona_shutdown(2000); }
    };
    static const AtExit at_exit;
}

/// The parameters of one operation, as the text that the library takes.
class Params {
  public:
    /// The options outlive the last `with`.
    Params(const char *operation, const Json &options) : operation_(operation), options_(&options) {
        if (!options.is_null() && !options.is_object())
            refuse("its options are a JSON object or nothing, not " + std::string(options.type_name()));
        if (options.is_null() || options.empty())
            text_ = "{";
        else
            text_ = dumped(options);
        if (text_.size() > 1)
            text_.pop_back(); // The closing brace: arguments follow.
    }

    Params &&with(const char *key, std::string_view value) && {
        begin(key);
        for (const char character : value) // Most texts need no escape.
            if (character < ' ' || character > '~' || character == '"' || character == '\\') {
                text_ += dumped(Json(value));
                return std::move(*this);
            }
        text_.append(1, '"').append(value).append(1, '"');
        return std::move(*this);
    }
    Params &&with(const char *key, std::int64_t value) && {
        begin(key);
        text_ += std::to_string(value);
        return std::move(*this);
    }
    Params &&with(const char *key, bool value) && {
        begin(key);
        text_ += value ? "true" : "false";
        return std::move(*this);
    }
    Params &&with(const char *key, const Json &value) && {
        begin(key);
        text_ += dumped(value);
        return std::move(*this);
    }

    const char *operation() const noexcept { return operation_; }
    /// The finished text, once.
    const char *text() { return text_.append(1, '}').c_str(); }

  private:
    void begin(const char *key) {
        if (options_->contains(key)) // It would win over the argument.
            refuse(std::string("`") + key + "` is an argument, and no option");
        if (text_.size() > 1)
            text_ += ',';
        text_.append(1, '"').append(key).append("\":");
    }

    static bool is_finite(const Json &value) {
        return value.is_structured() ? std::all_of(value.begin(), value.end(), is_finite)
                                     : !value.is_number_float() || std::isfinite(value.get<double>());
    }

    std::string dumped(const Json &value) const {
        if (!is_finite(value)) // It would become null: an absent option.
            refuse("a number is infinite or none (NaN)");
        try {
            return value.dump();
        } catch (const Json::exception &error) {
            refuse(error.what()); // A text that is not UTF-8.
        }
    }

    [[noreturn]] void refuse(const std::string &why) const {
        throw InvalidArgument(DAYTONA_INVALID_ARGUMENT,
                              local(DAYTONA_INVALID_ARGUMENT, operation_, std::string(operation_) + ": " + why));
    }

    const char *operation_;
    const Json *options_;
    std::string text_;
};

class Core;

/// Makes an operation's result of its bytes and handle, by the type that the operation returns.
template <class T> struct Result;

template <> struct Result<void> {
    static void read(const std::shared_ptr<Core> &, std::uint64_t, std::string_view) {}
};
template <> struct Result<std::string> {
    static std::string read(const std::shared_ptr<Core> &, std::uint64_t, std::string_view data) { return std::string(data); }
};
/// The JSON with U+FFFD in the place of every lone surrogate: a server may escape one, and nlohmann's parser takes none.
inline std::string without_lone_surrogates(std::string_view data) {
    std::string json(data);
    const auto unit = [&json](std::size_t at) { // Of an escape that begins there; 0 where none does.
        if (json.compare(at, 2, "\\u") != 0)
            return 0UL;
        return std::strtoul(json.substr(at + 2, 4).c_str(), nullptr, 16);
    };
    const auto is_high = [](unsigned long code) { return code >= 0xD800 && code < 0xDC00; };
    const auto is_low = [](unsigned long code) { return code >= 0xDC00 && code < 0xE000; };
    for (std::size_t at = 0; (at = json.find('\\', at)) < json.size();) {
        const unsigned long code = unit(at);
        const bool is_pair = is_high(code) && at + 6 < json.size() && is_low(unit(at + 6));
        if (!is_pair && (is_high(code) || is_low(code)) && at + 6 <= json.size())
            json.replace(at + 2, 4, "fffd");
        at += is_pair ? 12 : 2; // Whatever is escaped, a backslash too, is no beginning.
    }
    return json;
}

template <> struct Result<Json> {
    static Json read(const std::shared_ptr<Core> &, std::uint64_t handle, std::string_view data) {
        daytona_close(handle); // Of an operation that was called by its name: nobody could use it.
        try {
            Json value = Json::parse(data, nullptr, false);
            if (value.is_discarded())
                value = Json::parse(std::string_view(without_lone_surrogates(data)));
            return value; // Moved: a copy of what is nested deeply would end the stack.
        } catch (const Json::exception &error) {
            throw Protocol(DAYTONA_PROTOCOL, local(DAYTONA_PROTOCOL, nullptr, std::string("the result is no JSON: ") + error.what()));
        }
    }
};

inline std::string_view view(const char *data, std::size_t len) { return data ? std::string_view(data, len) : std::string_view(); }

/// The data of an event, for as long as the event is valid.
inline std::string_view view(const daytona_event_t &event) {
    return view(reinterpret_cast<const char *>(event.data), static_cast<std::size_t>(event.len));
}

/// Calls a function of the library whose last argument is `out`, and throws its failure; to take less than it was given is none.
template <class... P, class... A> void check(std::int32_t (*call)(P...), A... arguments) {
    char *out = nullptr;
    const std::int32_t status = call(arguments..., &out);
    const Owned text(out);
    if (status != DAYTONA_OK && status != DAYTONA_WOULD_BLOCK)
        raise(status, out ? out : "");
}

/// Throws what taking events failed with, which has no error JSON.
[[noreturn]] inline void raise_unread(std::int32_t status, const char *operation) {
    const char *why = status == DAYTONA_CLOSED   ? "it was closed, or the library was shut down, before its end was read"
                      : status == DAYTONA_BUSY   ? "another thread reads it: one reads at a time"
                      : status == DAYTONA_FORKED ? "it was begun before a fork; open a new client in the child"
                                                 : "what it gives cannot be read";
    raise(status, local(status, operation, std::string(operation) + ": " + why).dump());
}

inline const std::uint8_t *bytes(std::string_view data) { return reinterpret_cast<const std::uint8_t *>(data.data()); }

/// A submitted call that nobody has answered yet.
class Pending {
  public:
    virtual ~Pending() = default;
    virtual void done(const std::shared_ptr<Core> &core, const daytona_event_t &event) noexcept = 0;
    virtual void failed(std::exception_ptr error) noexcept = 0;
};

template <class T> class Promised final : public Pending {
  public:
    std::future<T> future() { return promise_.get_future(); }

    void done(const std::shared_ptr<Core> &core, const daytona_event_t &event) noexcept override {
        try {
            if (event.status != DAYTONA_OK)
                promise_.set_exception(error(event.status, view(event)));
            else if constexpr (std::is_void_v<T>)
                promise_.set_value();
            else
                promise_.set_value(Result<T>::read(core, event.result, view(event)));
        } catch (...) {
            promise_.set_exception(std::current_exception());
        }
    }

    void failed(std::exception_ptr error) noexcept override { promise_.set_exception(std::move(error)); }

  private:
    std::promise<T> promise_;
};

/// What a client and everything that was got from it share: the client's handle, and its pump, the thread that
/// completes futures over one queue. It starts with the first submitted operation, and no code of the program's
/// runs on it. Every accepted submit is answered by one DONE, also where the client is closed, so counting those
/// under way is enough to know when the pump may end.
class Core : public std::enable_shared_from_this<Core> {
  public:
    explicit Core(std::uint64_t client) noexcept : client_(client) {}
    Core(const Core &) = delete;
    Core &operator=(const Core &) = delete;

    /// Takes `pending` over. Its error comes through it, never out of here.
    void submit(std::uint64_t target, Params &params, std::string_view body, std::unique_ptr<Pending> pending,
                daytona_call_t *call) noexcept {
        *call = 0;
        const char *text = nullptr;
        try {
            text = params.text();
            start(params.operation());
        } catch (...) {
            return pending->failed(std::current_exception());
        }
        under_way_.fetch_add(1); // Before the look at `closed_`: the pump looks in the other order.
        if (closed_.load()) {
            ended();
            return pending->failed(std::make_exception_ptr(
                Closed(DAYTONA_CLOSED, local(DAYTONA_CLOSED, params.operation(), "the client was closed before the call"))));
        }
        Pending *const raw = pending.release(); // DONE may come before daytona_submit returns.
        char *out = nullptr;
        const std::int32_t status = daytona_submit(target, params.operation(), text, bytes(body), body.size(), queue_,
                                                   reinterpret_cast<std::uintptr_t>(raw), call, &out);
        const Owned owned(out);
        if (status == DAYTONA_OK)
            return;
        pending.reset(raw); // It was not accepted: no DONE comes.
        pending->failed(detail::error(status, out ? out : ""));
        ended();
    }

    /// Closes the client: its calls end with Closed, which is delivered before this returns.
    void close() noexcept {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (closed_.exchange(true))
            return;
        daytona_close(client_);
        if (!pump_)
            return;
        if (!is_forked()) {
            daytona_queue_wake(queue_);
            pump_->join();
            pump_.reset();
        } else {
            static_cast<void>(pump_.release()); // The thread is the parent's; here there is none to wait for.
        }
        daytona_close(queue_);
    }

  private:
    void start(const char *operation) {
        if (started_.load(std::memory_order_acquire))
            return;
        const std::lock_guard<std::mutex> lock(mutex_);
        if (pump_ || closed_.load())
            return;
        check(daytona_queue_open, nullptr, &queue_);
        try {
            start_thread();
        } catch (const std::system_error &error) {
            daytona_close(queue_);
            throw Io(DAYTONA_IO, local(DAYTONA_IO, operation, std::string("the thread that completes futures cannot start: ") + error.what()));
        }
        started_.store(true, std::memory_order_release);
    }

    void run() noexcept {
        constexpr std::size_t batch = 64;
        daytona_event_t events[batch];
        while (!closed_.load() || under_way_.load() != 0) {
            std::size_t count = 0;
            const std::int32_t status = daytona_queue_next(queue_, events, batch, -1, &count);
            if (status != DAYTONA_OK && status != DAYTONA_PANIC)
                return; // The library was shut down: nothing is under way any more.
            std::size_t done = 0;
            static_cast<void>(under_way_.load()); // Orders what submitters wrote before, also for ThreadSanitizer.
            for (std::size_t i = 0; i < count; i++) {
                if (events[i].kind != DAYTONA_DONE)
                    continue;
                const std::unique_ptr<Pending> pending(reinterpret_cast<Pending *>(static_cast<std::uintptr_t>(events[i].user_data)));
                pending->done(shared_from_this(), events[i]);
                done++;
            }
            under_way_.fetch_sub(done);
        }
    }

    /// Takes back one that was not accepted; the pump may have waited for it alone.
    void ended() noexcept {
        if (under_way_.fetch_sub(1) == 1 && closed_.load())
            daytona_queue_wake(queue_);
    }

#if defined(__unix__) || defined(__APPLE__)
    /// The program's signals go to the program's threads.
    void start_thread() {
        sigset_t all, before;
        sigfillset(&all);
        for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL})
            sigdelset(&all, fault);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        const std::unique_ptr<sigset_t, void (*)(sigset_t *)> restored(
            &before, [](sigset_t *mask) { pthread_sigmask(SIG_SETMASK, mask, nullptr); });
        pump_ = std::make_unique<std::thread>([this] { run(); });
    }
    bool is_forked() const noexcept { return process_ != getpid(); }
    const pid_t process_ = getpid();
#else
    void start_thread() { pump_ = std::make_unique<std::thread>([this] { run(); }); }
    bool is_forked() const noexcept { return false; }
#endif

    const std::uint64_t client_;
    daytona_queue_t queue_ = 0;
    std::atomic<std::size_t> under_way_{0};
    std::atomic<bool> closed_{false}, started_{false};
    std::mutex mutex_;
    std::unique_ptr<std::thread> pump_;
};

} // namespace detail
} // namespace daytona

#endif
