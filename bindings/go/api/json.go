package api

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// known has the member names of each type.
var known sync.Map

func namesOf(of reflect.Type) map[string]bool {
	if names, ok := known.Load(of); ok {
		return names.(map[string]bool)
	}
	names := map[string]bool{}
	for i := range of.NumField() {
		name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
		names[name] = true
	}
	known.Store(of, names)
	return names
}

// read fills a struct, and gives the members that it does not have.
func read(data []byte, into any, additional *map[string]json.RawMessage) error {
	if err := json.Unmarshal(data, into); err != nil {
		return err
	}
	names := namesOf(reflect.TypeOf(into).Elem())
	members(data, func(key, value []byte) {
		if names[string(key)] {
			return
		}
		name := string(key)
		if slices.Contains(key, '\\') && (json.Unmarshal([]byte(`"`+name+`"`), &name) != nil || names[name]) {
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

// members walks over the members of an object in valid JSON, keys without their quotes.
func members(data []byte, each func(key, value []byte)) {
	i := space(data, 0)
	if i >= len(data) || data[i] != '{' {
		return
	}
	for i++; ; i++ {
		i = space(data, i)
		if i >= len(data) || data[i] != '"' {
			return
		}
		end := value(data, i)
		key := data[i+1 : end-1]
		i = space(data, space(data, end)+1) // behind the colon
		end = value(data, i)
		each(key, data[i:end])
		i = space(data, end)
	}
}

func space(data []byte, i int) int {
	for i < len(data) && (data[i] == ' ' || data[i] == '\n' || data[i] == '\r' || data[i] == '\t') {
		i++
	}
	return i
}

// value gives the end of the value that begins at i.
func value(data []byte, i int) int {
	depth := 0
	for ; i < len(data); i++ {
		switch data[i] {
		case '"':
			for i++; data[i] != '"'; i++ {
				if data[i] == '\\' {
					i++
				}
			}
			if depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			} else if depth < 0 {
				return i
			}
		case ',', ' ', '\n', '\r', '\t':
			if depth == 0 {
				return i
			}
		}
	}
	return i
}
