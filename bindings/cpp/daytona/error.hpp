// Errors: the root of the class tree in <daytona/errors.hpp>, which is generated from the catalogue.
#ifndef DAYTONA_ERROR_HPP
#define DAYTONA_ERROR_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <daytona.h>
#include <exception>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace daytona {

/// Options and results: nlohmann's value, with the library's keys. Name a result before looping over a part of it:
/// in `for (auto &item : client.list()["items"])` the list is gone before the loop begins, until C++23.
using Json = nlohmann::json;

namespace detail {

/// A text of an object; empty where it has none.
inline std::string text(const Json &json, const char *key) {
    const auto value = json.find(key);
    return value != json.end() && value->is_string() ? value->get<std::string>() : std::string();
}

} // namespace detail

/// What every failure of the library is raised as; one class a kind stands below it. `what()` says what
/// happened, to what, and what to do about it. Catch the kind that the program can answer, or this one.
class Error : public std::runtime_error {
  public:
    Error(std::int32_t status, Json details)
        : std::runtime_error(details.value("message", std::string("unknown error"))), status_(status),
          details_(std::make_shared<const Json>(std::move(details))) {}
    Error(const Error &) = default; // Moving is copying: one that was moved from keeps what it says.
    Error &operator=(const Error &) = default;

    /// The class's name: "FileNotFound".
    virtual const char *kind() const noexcept { return "Error"; }
    /// DAYTONA_INVALID_ARGUMENT and the like; from 400 on the HTTP status that the server answered.
    std::int32_t status() const noexcept { return status_; }
    /// The status's name: "NOT_FOUND".
    const char *name() const noexcept { return daytona_status_name(status_); }
    /// The finer reason, as "FILE_NOT_FOUND"; empty where there is none.
    std::string code() const { return detail::text(*details_, "code"); }
    /// The operation, as "files.read"; empty outside of one.
    std::string operation() const { return detail::text(*details_, "operation"); }
    /// The id that the server gave the request; empty where it gave none.
    std::string request_id() const { return detail::text(*details_, "requestId"); }
    /// The sandbox's UUID; empty where none was involved, or it is not known.
    std::string sandbox_id() const { return detail::text(*details_, "sandboxId"); }
    /// Whether the same call may succeed when repeated as it is.
    bool retryable() const { return details_->value("retryable", false); }
    /// When to repeat it, where the server says so.
    std::optional<std::chrono::milliseconds> retry_after() const {
        const auto after = details_->find("retryAfterMs");
        if (after == details_->end() || !after->is_number())
            return std::nullopt;
        return std::chrono::milliseconds(after->get<std::int64_t>());
    }
    /// Everything that is known about it: the error JSON of the reference, `headers` and `attempts` included.
    const Json &json() const noexcept { return *details_; }

  private:
    std::int32_t status_;
    std::shared_ptr<const Json> details_; // Shared: exceptions are copied, and copying one must not throw.
};

namespace detail {

/// Frees what the library handed out.
struct Free {
    void operator()(char *text) const noexcept { daytona_free(text); }
};
using Owned = std::unique_ptr<char, Free>;

/// The error JSON of a failure on this side of the library, in the library's shape.
inline Json local(std::int32_t status, const char *operation, const std::string &message) {
    Json details = {{"status", status}, {"name", daytona_status_name(status)}, {"message", message}, {"retryable", false}, {"attempts", 0}};
    for (const char *key : {"code", "source", "httpStatus", "requestId", "retryAfterMs", "sandboxId", "headers"})
        details[key] = nullptr;
    details["operation"] = operation ? Json(operation) : Json();
    return details;
}

/// The details of a failure: the error JSON where it is one, else what the status says.
inline Json details(std::int32_t status, std::string_view text) {
    Json parsed = Json::parse(text, nullptr, false);
    return parsed.is_object() ? parsed : local(status, nullptr, daytona_status_name(status));
}

} // namespace detail
} // namespace daytona

#endif
