package api

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	stderrors "errors"
	"fmt"
	"reflect"
	"regexp"
	"time"

	"github.com/libdaytona/libdaytona/bindings/go/errors"
)

// Argument is a parameter of a call by name; without one its value's members are parameters.
type Argument struct {
	name  string
	value any
}

// Text is a text, which has to be UTF-8.
func Text(name, value string) Argument { return Argument{name, value} }

// Integer is an integer.
func Integer(name string, value int64) Argument { return Argument{name, value} }

// Milliseconds is a length of time, rounded away from zero, so that no limit becomes 0, which is none.
func Milliseconds(name string, value time.Duration) Argument {
	rest := value % time.Millisecond
	return Argument{name, value.Milliseconds() + int64(cmp.Compare(rest, 0))}
}

// Body is the raw bytes of an operation that takes some.
func Body(data []byte) Argument { return Argument{"", rawBytes(data)} }

type rawBytes []byte

// Value is anything that encoding/json writes.
func Value(name string, value any) Argument { return Argument{name, value} }

// Members are the members of a struct or map, each a parameter, as an operation's options; nil has none.
func Members(values any) Argument { return Argument{"", values} }

// Optional is a value, or nothing where it is nil, or an empty text.
func Optional(name string, value any) Argument {
	if text, ok := value.(*string); ok && text != nil {
		return Argument{name, *text}
	}
	if value == nil || reflect.ValueOf(value).IsZero() {
		return Argument{}
	}
	return Argument{name, value}
}

// params is the JSON object of one call while it is written, and what its arguments have beside that.
type params struct {
	text     []byte
	body     []byte
	progress func(Progress)
	buffer   int64     // of a stream
	limit    bool      // timeoutMs is among the members
	until    time.Time // the context's deadline where it is the time limit

	name, object *byte // the operation and the object, as C has them
}

// write writes the arguments of an operation as an object, with the context's deadline as the time limit unless one is
// given, and the operation's name behind it.
func (p *params) write(ctx context.Context, operation string, arguments []Argument) error {
	p.text = append(p.text, '{')
	for _, argument := range arguments {
		if err := p.add(argument); err != nil {
			reason := fmt.Sprintf("`%s` %v.", cmp.Or(argument.name, "options"), err)
			return errors.Of(operation, "INVALID_ARGUMENT", reason)
		}
	}
	if at, ok := ctx.Deadline(); ok && !p.limit {
		p.until = at
		p.add(Milliseconds("timeoutMs", max(time.Until(at), 1)))
	}
	p.text = append(bytes.TrimSuffix(p.text, []byte(",")), '}', 0)
	at := len(p.text)
	p.text = append(append(p.text, operation...), 0)
	p.name, p.object = &p.text[at], &p.text[0]
	return nil
}

// add writes a value by its name, or the members of one without a name.
func (p *params) add(argument Argument) error {
	name, value := argument.name, argument.value
	if is := reflect.ValueOf(value); name == "" && (!is.IsValid() || is.Kind() == reflect.Pointer && is.IsNil()) {
		return nil
	}
	if body, ok := value.(rawBytes); ok {
		p.body = body
		return nil
	}
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("cannot be written as JSON: %w", err)
	}
	if bytes.Contains(text, []byte(`\ufffd`)) && replaced.Match(text) {
		return stderrors.New("has a text that is not UTF-8")
	}
	if name != "" {
		p.text = append(append(append(p.text, '"'), name...), '"', ':')
		p.limit = p.limit || name == "timeoutMs"
	} else {
		if with, ok := value.(interface{ reports() func(Progress) }); ok {
			p.progress = with.reports()
		}
		if with, ok := value.(interface{ buffer() int64 }); ok {
			p.buffer = with.buffer()
		}
		switch {
		case string(text) == "null" || string(text) == "{}":
			return nil
		case text[0] != '{':
			return fmt.Errorf("is %s, and no object", text)
		}
		p.limit = p.limit || bytes.Contains(text, []byte(`"timeoutMs":`))
		text = text[1 : len(text)-1]
	}
	p.text = append(append(p.text, text...), ',')
	return nil
}

// replaced finds what encoding/json writes in the place of bytes that are not UTF-8; U+FFFD itself it writes as it is.
var replaced = regexp.MustCompile(`(?:^|[^\\])(?:\\\\)*\\ufffd`)
