// Values of the conformance cases: what they stand for, and what matches them. The format is described beside them.
#ifndef MATCHING_HPP
#define MATCHING_HPP

#include <daytona.hpp>
#include <map>
#include <regex.h>
#include <regex>

using daytona::Json;

struct Failed : std::runtime_error {
    using std::runtime_error::runtime_error;
};

inline std::string shown(const Json &value) {
    return value.dump(-1, ' ', false, Json::error_handler_t::replace).substr(0, 2000);
}

inline std::string from_base64(const std::string &text) {
    static const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string bytes;
    std::uint32_t bits = 0;
    int count = 0;
    for (const char digit : text) {
        if (digit == '=')
            break;
        bits = bits << 6 | static_cast<std::uint32_t>(digits.find(digit));
        count += 6;
        if (count >= 8) {
            count -= 8;
            bytes += static_cast<char>(bits >> count & 0xff);
        }
    }
    return bytes;
}

inline std::string bytes_of(const Json &spec) {
    const std::string once = spec.contains("base64") ? from_base64(spec["base64"]) : spec.at("text").get<std::string>();
    std::string all;
    for (std::size_t times = spec.value("times", std::size_t{1}); times > 0; times--)
        all += once;
    return all;
}

/// The text with these UTF-16 units; a lone surrogate, which UTF-8 cannot hold, is U+FFFD.
inline std::string from_utf16(const std::vector<std::uint32_t> &units) {
    std::string text;
    for (std::size_t i = 0; i < units.size(); i++) {
        std::uint32_t point = units[i];
        if (point >= 0xd800 && point < 0xdc00 && i + 1 < units.size() && units[i + 1] >= 0xdc00 && units[i + 1] < 0xe000)
            point = 0x10000 + ((point - 0xd800) << 10) + (units[++i] - 0xdc00);
        else if (point >= 0xd800 && point < 0xe000)
            point = 0xfffd;
        const auto add = [&](std::uint32_t byte) { text += static_cast<char>(byte); };
        if (point < 0x80) {
            add(point);
        } else if (point < 0x800) {
            add(0xc0 | point >> 6), add(0x80 | (point & 0x3f));
        } else if (point < 0x10000) {
            add(0xe0 | point >> 12), add(0x80 | (point >> 6 & 0x3f)), add(0x80 | (point & 0x3f));
        } else {
            add(0xf0 | point >> 18), add(0x80 | (point >> 12 & 0x3f)), add(0x80 | (point >> 6 & 0x3f)), add(0x80 | (point & 0x3f));
        }
    }
    return text;
}

/// Parameters with their special objects resolved.
inline Json plain(const Json &value) {
    if (value.is_array()) {
        Json list = Json::array();
        for (const Json &item : value)
            list.push_back(plain(item));
        return list;
    }
    if (!value.is_object())
        return value;
    if (value.contains("$number"))
        return Json::parse(value["$number"].get<std::string>());
    if (value.contains("$utf16"))
        return from_utf16(value["$utf16"]);
    Json object = Json::object();
    for (const auto &[key, item] : value.items())
        object[key] = plain(item);
    return object;
}

inline void match_bytes(const Json &expected, const std::string &data, const std::string &where) {
    const auto wrong = [&] { throw Failed(where + ": expected " + shown(expected) + ", came " + shown(Json(data.substr(0, 2000)))); };
    if (expected.contains("contains")) {
        std::size_t at = 0;
        for (const std::string text : expected["contains"]) {
            at = data.find(text, at);
            if (at == std::string::npos)
                wrong();
            at += text.size();
        }
    } else if (expected.contains("lacks")) {
        if (data.find(expected["lacks"].get<std::string>()) != std::string::npos)
            wrong();
    } else if (expected.contains("count")) {
        if (expected["count"] != data.size())
            wrong();
    } else if (data != bytes_of(expected)) {
        wrong();
    }
}

void match(const Json &expected, const Json *value, const std::string &where);

inline bool matches(const Json &expected, const Json &value) {
    try {
        match(expected, &value, "");
        return true;
    } catch (const Failed &) {
        return false;
    }
}

inline bool is_type(const std::string &type, const Json &value) {
    if (type == "integer")
        return value.is_number_integer();
    return type == value.type_name();
}

/// Whether the expression is found in the text. std::regex recurses once a character, regcomp looks not ahead.
inline bool finds(const std::string &expression, const std::string &text) {
    if (text.size() < 10000)
        return std::regex_search(text, std::regex(expression));
    regex_t compiled;
    if (regcomp(&compiled, expression.c_str(), REG_EXTENDED | REG_NOSUB) != 0)
        throw Failed("no expression: " + expression);
    const bool found = regexec(&compiled, text.c_str(), 0, nullptr, 0) == 0;
    regfree(&compiled);
    return found;
}

inline bool matches_special(const std::string &key, const Json &wanted, const Json &value) {
    if (key == "$any")
        return true;
    if (key == "$type")
        return is_type(wanted, value);
    if (key == "$regex")
        return value.is_string() && finds(wanted, value.get_ref<const std::string &>());
    if (key == "$atLeast")
        return value.is_number() && value >= wanted;
    if (key == "$number")
        return value.is_number_integer() && value == Json::parse(wanted.get<std::string>());
    if (key == "$count")
        return value.is_array() && wanted == value.size();
    const auto one = [](const Json &among, const auto &fits) { return std::find_if(among.begin(), among.end(), fits) != among.end(); };
    if (key == "$includes") {
        for (const Json &item : wanted)
            if (!value.is_array() || !one(value, [&](const Json &other) { return matches(item, other); }))
                return false;
        return true;
    }
    if (key == "$oneOf")
        return one(wanted, [&](const Json &item) { return matches(item, value); });
    if (key == "$utf16")
        return value == Json(from_utf16(wanted));
    throw Failed("unknown " + key);
}

/// Compares a value, or absence, with what is expected.
inline void match(const Json &expected, const Json *value, const std::string &where) {
    const auto wrong = [&] { throw Failed(where + ": expected " + shown(expected) + ", came " + (value ? shown(*value) : "nothing")); };
    const bool is_special = expected.is_object() && expected.size() == 1 && expected.begin().key().rfind('$', 0) == 0;
    if (is_special && expected.begin().key() == "$absent") {
        if (value && !value->is_null())
            wrong();
    } else if (!value) {
        wrong();
    } else if (is_special) {
        if (!matches_special(expected.begin().key(), expected.begin().value(), *value))
            wrong();
    } else if (expected.is_object()) {
        if (!value->is_object())
            wrong();
        for (const auto &[key, item] : expected.items()) {
            const auto found = value->find(key);
            match(item, found == value->end() ? nullptr : &*found, where + "/" + key);
        }
    } else if (expected.is_array()) {
        if (!value->is_array() || value->size() != expected.size())
            wrong();
        for (std::size_t i = 0; i < expected.size(); i++)
            match(expected[i], &(*value)[i], where + "/" + std::to_string(i));
    } else if (expected != *value) {
        wrong();
    }
}

#endif
