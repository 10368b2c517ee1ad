package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"
)

// decoded is JSON with its numbers as they are written.
func decoded(text []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	err := decoder.Decode(&value)
	return value, err
}

func shown(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return err.Error()
	}
	return string(text[:min(len(text), 2000)])
}

// plain is a parameter with its special objects resolved.
func plain(value any) any {
	switch it := value.(type) {
	case []any:
		items := make([]any, len(it))
		for i, item := range it {
			items[i] = plain(item)
		}
		return items
	case object:
		if number, ok := it["$number"].(string); ok {
			return json.Number(number)
		}
		if units, ok := it["$utf16"].([]any); ok {
			var text []uint16
			for _, unit := range units {
				number, _ := unit.(json.Number).Int64()
				text = append(text, uint16(number))
			}
			return string(utf16.Decode(text)) // U+FFFD for a lone surrogate
		}
		items := object{}
		for key, item := range it {
			items[key] = plain(item)
		}
		return items
	}
	return value
}

func pointed(value any, pointer string) (any, error) {
	for _, part := range strings.Split(pointer, "/")[1:] {
		part = strings.NewReplacer("~1", "/", "~0", "~").Replace(part)
		switch it := value.(type) {
		case object:
			value = it[part]
		case []any:
			at, err := strconv.Atoi(part)
			if err != nil || at >= len(it) {
				return nil, fmt.Errorf("there is no %s", pointer)
			}
			value = it[at]
		default:
			return nil, fmt.Errorf("there is no %s", pointer)
		}
	}
	return value, nil
}

func bytesOf(is object) []byte {
	var data []byte
	if text, ok := is["base64"].(string); ok {
		data = must(base64.StdEncoding.DecodeString(text))
	} else {
		data = []byte(is["text"].(string))
	}
	if times, ok := is["times"].(json.Number); ok {
		data = bytes.Repeat(data, int(must(times.Int64())))
	}
	return data
}

func matchBytes(expected object, data []byte, where string) error {
	shown := data[:min(len(data), 2000)]
	switch {
	case expected["contains"] != nil:
		at := 0
		for _, text := range expected["contains"].([]any) {
			found := bytes.Index(data[at:], []byte(text.(string)))
			if found < 0 {
				return fmt.Errorf("%s: no %q in %q", where, text, shown)
			}
			at += found + len(text.(string))
		}
	case expected["lacks"] != nil:
		if bytes.Contains(data, []byte(expected["lacks"].(string))) {
			return fmt.Errorf("%s: %q in %q", where, expected["lacks"], shown)
		}
	case expected["count"] != nil:
		if fmt.Sprint(expected["count"]) != fmt.Sprint(len(data)) {
			return fmt.Errorf("%s: %v bytes expected, came %d", where, expected["count"], len(data))
		}
	default:
		if want := bytesOf(expected); !bytes.Equal(want, data) {
			return fmt.Errorf("%s: expected %q, came %q", where, want[:min(len(want), 2000)], shown)
		}
	}
	return nil
}

type absent struct{}

func match(expected, is any, where string) error {
	wanted, isObject := expected.(object)
	if isObject {
		for key := range wanted {
			if strings.HasPrefix(key, "$") {
				fits, err := special(key, wanted[key], is)
				if err == nil && !fits {
					err = fmt.Errorf("%s: expected %s, came %s", where, shown(expected), shown(is))
				}
				return err
			}
		}
		has, ok := is.(object)
		if !ok {
			return fmt.Errorf("%s: expected %s, came %s", where, shown(expected), shown(is))
		}
		for key, want := range wanted {
			value, ok := has[key]
			if !ok {
				value = absent{}
			}
			if want == nil && !ok {
				continue // an optional member is nil whether it is null or absent
			}
			if err := match(want, value, where+"/"+key); err != nil {
				return err
			}
		}
		return nil
	}
	if items, ok := expected.([]any); ok {
		has, ok := is.([]any)
		if !ok || len(has) != len(items) {
			return fmt.Errorf("%s: expected %s, came %s", where, shown(expected), shown(is))
		}
		for i := range items {
			if err := match(items[i], has[i], fmt.Sprintf("%s/%d", where, i)); err != nil {
				return err
			}
		}
		return nil
	}
	if !equal(expected, is) {
		return fmt.Errorf("%s: expected %s, came %s", where, shown(expected), shown(is))
	}
	return nil
}

func equal(a, b any) bool {
	x, isNumber := a.(json.Number)
	y, both := b.(json.Number)
	if !isNumber || !both {
		return a == b
	}
	left, ok := new(big.Rat).SetString(x.String())
	right, also := new(big.Rat).SetString(y.String())
	return ok && also && left.Cmp(right) == 0
}

var lacking = regexp.MustCompile(`^\^\(\(\?!(\w+)\)\.\)\*\$$`)

func special(key string, want, is any) (bool, error) {
	switch key {
	case "$any":
		return is != absent{}, nil
	case "$absent":
		return is == nil || is == absent{}, nil
	case "$type":
		return want == typeOf(is) || want == "number" && typeOf(is) == "integer", nil
	case "$regex":
		text, ok := is.(string)
		// Go has no lookahead: what lacks a text is told in another way.
		if lacks := lacking.FindStringSubmatch(want.(string)); lacks != nil {
			return ok && !strings.Contains(text, lacks[1]), nil
		}
		expression, err := regexp.Compile(want.(string))
		return ok && err == nil && expression.MatchString(text), err
	case "$atLeast", "$number":
		number, ok := is.(json.Number)
		if !ok {
			return false, nil
		}
		have, _ := new(big.Rat).SetString(number.String())
		least, _ := new(big.Rat).SetString(fmt.Sprint(want))
		return have.Cmp(least) == 0 || key == "$atLeast" && have.Cmp(least) > 0, nil
	case "$count":
		items, ok := is.([]any)
		return ok && fmt.Sprint(len(items)) == fmt.Sprint(want), nil
	case "$includes":
		items, _ := is.([]any)
		for _, one := range want.([]any) {
			found := false
			for _, item := range items {
				found = found || match(one, item, "") == nil
			}
			if !found {
				return false, nil
			}
		}
		return true, nil
	case "$oneOf":
		for _, one := range want.([]any) {
			if match(one, is, "") == nil {
				return true, nil
			}
		}
		return false, nil
	case "$utf16":
		return equal(plain(object{key: want}), is), nil
	}
	return false, fmt.Errorf("unknown special object %s", key)
}

func typeOf(value any) string {
	switch it := value.(type) {
	case nil:
		return "null"
	case string:
		return "string"
	case bool:
		return "boolean"
	case object:
		return "object"
	case []any:
		return "array"
	case json.Number:
		if strings.ContainsAny(it.String(), ".eE") {
			return "number"
		}
		return "integer"
	}
	return "absence"
}
