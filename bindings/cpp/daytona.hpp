// libdaytona for C++17: Daytona sandboxes as values, exceptions and futures.
//
//     daytona::Client client;                                  // DAYTONA_API_KEY and the rest of the environment
//     auto sandbox = client.create({{"language", "python"}});
//     auto result = sandbox.process().execute("echo hello", {{"cwd", "/tmp"}});
//     std::cout << result.at("result").get<std::string>();
//     sandbox.delete_();
//
// Header only, over <daytona.h> and nlohmann/json; link libdaytona. Each operation has its required arguments as
// parameters and the optional ones as one JSON object, gives JSON, and throws a class of <daytona/errors.hpp>:
//
//     sandbox.files().list("/tmp")                 waits for the result
//     sandbox.files().list_async("/tmp")           a std::future that can be cancelled (daytona::Call)
//     for (auto chunk : sandbox.process().run("make"))    a range over the output (daytona::Stream)
//
// What is a call and a stream as well has both: `create` and `create_stream`; what runs something is a stream
// first: `run`, and `run_result` for all of its output at once. A name that C++ keeps for itself ends in `_`.
// <daytona/operations.hpp>, which is generated from the catalogue, documents every operation.
//
// Clients, sandboxes and streams are movable, not copyable, and close their handle when they are destroyed; that
// never deletes a sandbox. Any thread may call any operation. Options are made with double braces, as nlohmann's
// objects are: {{"cwd", "/tmp"}}; a null option is the same as an absent one.
#ifndef DAYTONA_HPP
#define DAYTONA_HPP

#include <daytona/image.hpp>
#include <daytona/known.hpp>
#include <daytona/operations.hpp>
#include <daytona/stream.hpp>

namespace daytona {

/// A configured way to Daytona. Opening one sends nothing. Destroying or closing it ends what it has under way:
/// futures, streams and blocking calls on other threads get Closed.
class Client : public ClientOperations {
  public:
    /// From the environment: DAYTONA_API_KEY, or DAYTONA_JWT_TOKEN with DAYTONA_ORGANIZATION_ID; DAYTONA_API_URL,
    /// DAYTONA_TARGET.
    Client() : Client(Json()) {}
    /// What stands in `config` wins over the environment: the keys of `ClientConfig` in the reference.
    explicit Client(const Json &config) : ClientOperations(opened_(daytona_client_open, "client.open", config)) {}
    explicit Client(Json::initializer_list_t config) : Client(Json(config)) {}
    Client(Client &&other) noexcept : ClientOperations(made_(nullptr, 0)) { take_(other); }
    Client &operator=(Client &&other) noexcept {
        if (this != &other) {
            close();
            take_(other);
        }
        return *this;
    }
    ~Client() { close(); }

    /// As destroying it; once is enough.
    void close() noexcept {
        if (core_)
            core_->close();
    }
};

/// A sandbox's handle. Destroying it releases the handle and leaves the sandbox as it is.
class Sandbox : public SandboxOperations {
  public:
    Sandbox(Sandbox &&other) noexcept : SandboxOperations(made_(nullptr, 0)), json_(std::move(other.json_)) { take_(other); }
    Sandbox &operator=(Sandbox &&other) noexcept {
        if (this != &other) {
            close();
            take_(other);
            json_ = std::move(other.json_);
        }
        return *this;
    }
    ~Sandbox() { close(); }

    /// The sandbox as the operation that made this object answered; `info` is what was read last.
    const Json &json() const & noexcept { return json_; }
    Json json() && { return std::move(json_); } // Of one that has no name: it is gone before its JSON is looked at.
    /// Empty where the JSON has none, as of a sandbox that was attached by its id alone.
    std::string id() const { return detail::text(json_, "id"); }
    std::string name() const { return detail::text(json_, "name"); }

    /// Releases the handle.
    void close() noexcept { daytona_close(handle_); }

  private:
    friend struct detail::Result<Sandbox>;
    friend class SandboxStream;
    Sandbox(std::shared_ptr<detail::Core> core, std::uint64_t handle) noexcept
        : SandboxOperations(made_(std::move(core), handle)) {}

    Json json_;
};

/// The echo target: it talks to nobody and gives back what it gets, for tests of a program's own plumbing.
class Echo : public EchoOperations {
  public:
    Echo() : Echo(Json()) {}
    explicit Echo(const Json &config) : EchoOperations(opened_(daytona_echo_open, "echo.open", config)), owner_(true) {}
    Echo(Echo &&other) noexcept
        : EchoOperations(made_(nullptr, 0)), owner_(other.owner_), json_(std::move(other.json_)) {
        take_(other);
    }
    Echo &operator=(Echo &&other) noexcept {
        if (this != &other) {
            close();
            take_(other);
            owner_ = other.owner_;
            json_ = std::move(other.json_);
        }
        return *this;
    }
    ~Echo() { close(); }

    /// What `handle` answered beside this handle.
    const Json &json() const & noexcept { return json_; }
    Json json() && { return std::move(json_); }

    /// Closes the target, or releases a handle that `handle` gave.
    void close() noexcept {
        if (!owner_)
            daytona_close(handle_);
        else if (core_)
            core_->close();
    }

  private:
    friend struct detail::Result<Echo>;
    Echo(std::shared_ptr<detail::Core> core, std::uint64_t handle) noexcept
        : EchoOperations(made_(std::move(core), handle)) {}

    bool owner_ = false;
    Json json_;
};

/// The library's version, as "0.1.0".
inline const char *version() noexcept { return daytona_version(); }

/// Ends every client in an orderly way and waits for what closing began in the background, as the end of a remote
/// command: false where the time did not suffice. The exit of the program does it by itself for two seconds.
inline bool shutdown(std::chrono::milliseconds time = std::chrono::seconds(10)) noexcept {
    return daytona_shutdown(std::max<std::int64_t>(time.count(), 0)) == DAYTONA_OK;
}

namespace detail {

template <> struct Result<Sandbox> {
    static Sandbox read(const std::shared_ptr<Core> &core, std::uint64_t handle, std::string_view data) {
        Sandbox sandbox(core, handle);
        sandbox.json_ = Result<Json>::read(core, 0, data);
        return sandbox;
    }
};
template <> struct Result<Echo> {
    static Echo read(const std::shared_ptr<Core> &core, std::uint64_t handle, std::string_view data) {
        Echo echo(core, handle);
        echo.json_ = Result<Json>::read(core, 0, data);
        return echo;
    }
};

} // namespace detail

inline Sandbox SandboxStream::sandbox() {
    const Json &ended = result();
    Sandbox sandbox(state().core, std::exchange(state().result, 0));
    sandbox.json_ = ended;
    return sandbox;
}

} // namespace daytona

#include <daytona/definitions.hpp>

#endif
