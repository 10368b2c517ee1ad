package api

import (
	stdbytes "bytes"
	"encoding/json"
	"slices"
	"strings"
)

// Nothing is the JSON of what has none.
type Nothing struct{}

// UnmarshalJSON takes anything.
func (*Nothing) UnmarshalJSON([]byte) error { return nil }

// MarshalJSON writes null.
func (Nothing) MarshalJSON() ([]byte, error) { return []byte("null"), nil }

// read fills a struct, and gives the members beside those of these names, each in its quotes.
func read(data []byte, into any, names string, additional *map[string]json.RawMessage) error {
	if err := json.Unmarshal(data, into); err != nil {
		return err
	}
	members(data, func(key, value []byte) {
		var name string
		if strings.Contains(names, string(key)) || json.Unmarshal(key, &name) != nil || strings.Contains(names, `"`+name+`"`) {
			return
		}
		if *additional == nil {
			*additional = map[string]json.RawMessage{}
		}
		(*additional)[name] = slices.Clone(value)
	})
	return nil
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
				key, from = stdbytes.TrimSpace(data[from:i]), i+1
			}
		case ',', '}', ']':
			if depth == 1 && key != nil {
				each(key, stdbytes.TrimSpace(data[from:i]))
				key, from = nil, i+1
			}
			if data[i] != ',' {
				depth--
			}
		}
	}
}
