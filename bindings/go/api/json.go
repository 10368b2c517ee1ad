package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Nothing is the JSON of what has none: null.
type Nothing = json.RawMessage

// read fills the fields of a struct that have a member's name, in its quotes, and keeps what has none. The JSON is valid.
func read(data []byte, additional *map[string]json.RawMessage, field func(name []byte) any) (err error) {
	if !bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
		return json.Unmarshal(data, &struct{}{})
	}
	members(data, func(key, value []byte) {
		if bytes.IndexByte(key, '\\') >= 0 {
			var name string
			json.Unmarshal(key, &name)
			key = []byte(`"` + name + `"`)
		}
		if to := field(key); to == nil {
			if *additional == nil {
				*additional = map[string]json.RawMessage{}
			}
			(*additional)[string(key[1:len(key)-1])] = slices.Clone(value)
		} else if failure := readValue(value, to); failure != nil && err == nil {
			err = fmt.Errorf("%s: %w", key, failure)
		}
	})
	return err
}

// readValue reads a value, the frequent ones without encoding/json.
func readValue(value []byte, to any) error {
	switch to := to.(type) {
	case *string:
		if value[0] == '"' && bytes.IndexByte(value, '\\') < 0 && utf8.Valid(value) {
			*to = string(value[1 : len(value)-1])
			return nil
		}
	case *int64:
		if number, err := strconv.ParseInt(string(value), 10, 64); err == nil {
			*to = number
			return nil
		}
	case json.Unmarshaler:
		return to.UnmarshalJSON(value)
	}
	return json.Unmarshal(value, to)
}

// written writes a struct with additional members.
func written(value any, additional map[string]json.RawMessage) ([]byte, error) {
	text, err := json.Marshal(value)
	if err != nil || len(additional) == 0 {
		return text, err
	}
	more, err := json.Marshal(additional)
	if err != nil {
		return nil, err
	}
	text = text[:len(text)-1]
	if len(text) > 1 {
		text = append(text, ',')
	}
	return append(text, more[1:]...), nil
}

// members walks over the members of an object in valid JSON, the keys in their quotes.
func members(data []byte, each func(key, value []byte)) {
	var key []byte
	for i, depth, from := 0, 0, 0; i < len(data); i++ {
		switch data[i] {
		case '"':
			for i++; data[i] != '"'; i++ {
				if data[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			if depth++; depth == 1 {
				from = i + 1
			}
		case ':':
			if depth == 1 {
				key, from = bytes.TrimSpace(data[from:i]), i+1
			}
		case ',', '}', ']':
			if depth == 1 && key != nil {
				each(key, bytes.TrimSpace(data[from:i]))
				key, from = nil, i+1
			}
			if data[i] != ',' {
				depth--
			}
		}
	}
}
