// What the generated table of operations is made of: an operation's parameters as JSON, its typed methods, and what
// came of them as JSON.
#ifndef CONFORMANCE_HPP
#define CONFORMANCE_HPP

#include <daytona.hpp>
#include <typeinfo>
#include <variant>

using daytona::Json;
using Handle = std::variant<daytona::Client, daytona::Sandbox, daytona::Echo>;

/// The handle that a step acts on.
class On {
  public:
    explicit On(Handle &handle) : handle_(handle) {}
    daytona::Client &client() const { return std::get<daytona::Client>(handle_); }
    daytona::Sandbox &sandbox() const { return std::get<daytona::Sandbox>(handle_); }
    daytona::Echo &echo() const { return std::get<daytona::Echo>(handle_); }

  private:
    Handle &handle_;
};

/// Parameters, apart into arguments and options.
struct Taken {
    Taken(const Json &params, const std::vector<const char *> &required, std::string bytes)
        : arguments(Json::object()), options(params), body(std::move(bytes)) {
        for (const char *key : required) {
            arguments[key] = params.at(key);
            options.erase(key);
        }
    }
    std::string text(const char *key) const { return arguments.at(key).get<std::string>(); }
    std::int64_t integer(const char *key) const { return arguments.at(key).get<std::int64_t>(); }
    bool boolean(const char *key) const { return arguments.at(key).get<bool>(); }
    std::vector<std::string> texts(const char *key) const { return arguments.at(key).get<std::vector<std::string>>(); }
    const Json &json(const char *key) const { return arguments.at(key); }

    Json arguments, options;
    std::string body;
};

/// What a call gave.
struct Answer {
    Answer() = default;
    explicit Answer(Json value) : json(std::move(value)) {}
    explicit Answer(std::string value) : bytes(std::move(value)) {}
    explicit Answer(daytona::Sandbox value) : json(value.json()), handle(std::move(value)) {}
    explicit Answer(daytona::Echo value) : json(value.json()), handle(std::move(value)) {}

    Json json;
    std::optional<std::string> bytes;
    std::optional<Handle> handle;
};

/// A call under way.
class Begun {
  public:
    template <class T> explicit Begun(daytona::Call<T> call) {
        auto shared = std::make_shared<daytona::Call<T>>(std::move(call));
        cancel = [shared] { shared->cancel(); };
        get = [shared] {
            if constexpr (std::is_void_v<T>) {
                shared->get();
                return Answer();
            } else {
                return Answer(shared->get());
            }
        };
    }
    std::function<void()> cancel;
    std::function<Answer()> get;
};

/// An open stream.
class Opened {
  public:
    explicit Opened(daytona::Stream stream) : stream_(std::move(stream)) {}
    explicit Opened(daytona::SandboxStream stream) : stream_(std::move(stream)) {}
    daytona::Stream &stream() {
        return std::visit([](auto &it) -> daytona::Stream & { return it; }, stream_);
    }
    std::optional<Handle> handle() {
        auto *const it = std::get_if<daytona::SandboxStream>(&stream_);
        return it ? std::optional<Handle>(it->sandbox()) : std::nullopt;
    }

  private:
    std::variant<daytona::Stream, daytona::SandboxStream> stream_;
};

struct Operation {
    const char *name, *target;
    std::vector<const char *> required;
    Answer (*call)(const On &, const Taken &);
    Begun (*submit)(const On &, const Taken &);
    Opened (*open)(const On &, const Taken &);
};

struct Kind {
    const char *name, *parent;
    bool (*is)(const daytona::Error &);
};

template <class E, class Parent> Kind kind(const char *name, const char *parent) {
    static_assert(std::is_base_of_v<Parent, E>);
    return {name, parent, [](const daytona::Error &error) { return typeid(error) == typeid(E); }};
}

#endif
