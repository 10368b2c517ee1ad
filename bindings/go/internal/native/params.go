package native

import (
	"context"
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
	"unsafe"

	"github.com/libdaytona/libdaytona/bindings/go/errors"
)

// Params is the JSON object of one call while it is written.
type Params struct {
	text  []byte
	limit bool // timeoutMs is among them
	err   *errors.DaytonaError
}

var params = sync.Pool{New: func() any { return &Params{text: make([]byte, 0, 512)} }}

// NewParams begins an object.
func NewParams() *Params {
	p := params.Get().(*Params)
	p.text = append(p.text[:0], '{')
	return p
}

func (p *Params) release() {
	p.err, p.limit = nil, false
	if cap(p.text) <= largeBytes {
		params.Put(p)
	}
}

func (p *Params) key(name string) {
	if len(p.text) > 1 {
		p.text = append(p.text, ',')
	}
	p.text = append(p.text, '"')
	p.text = append(p.text, name...)
	p.text = append(p.text, '"', ':')
	p.limit = p.limit || name == "timeoutMs"
}

// Text adds a text, which has to be UTF-8.
func (p *Params) Text(name, value string) {
	p.key(name)
	if !utf8.ValidString(value) {
		p.err = errors.New("INVALID_ARGUMENT", "`"+name+"` is not UTF-8: "+strconv.Quote(value)+".")
		return
	}
	p.text = quote(p.text, value)
}

// Integer adds an integer.
func (p *Params) Integer(name string, value int64) {
	p.key(name)
	p.text = strconv.AppendInt(p.text, value, 10)
}

// Boolean adds a truth value.
func (p *Params) Boolean(name string, value bool) {
	p.key(name)
	p.text = strconv.AppendBool(p.text, value)
}

// Value adds anything that encoding/json can write.
func (p *Params) Value(name string, value any) {
	p.key(name)
	text, err := json.Marshal(value)
	if err != nil {
		p.err = errors.New("INVALID_ARGUMENT", "`"+name+"` cannot be written as JSON: "+err.Error()+".")
		return
	}
	p.text = append(p.text, text...)
}

// Members adds the members of a struct, or of a map. A nil pointer has none.
func (p *Params) Members(value any) {
	if value == nil {
		return
	}
	if of := reflect.ValueOf(value); of.Kind() == reflect.Pointer && of.IsNil() {
		return
	}
	text, err := json.Marshal(value)
	if err != nil {
		p.err = errors.New("INVALID_ARGUMENT", "the options cannot be written as JSON: "+err.Error()+".")
		return
	}
	if len(text) <= 2 {
		return
	}
	p.limit = p.limit || strings.Contains(string(text), `"timeoutMs":`)
	if len(p.text) > 1 {
		p.text = append(p.text, ',')
	}
	p.text = append(p.text, text[1:len(text)-1]...)
}

// finish closes the object, with the context's deadline as the time limit unless one is given, and puts the
// operation's name behind it. The pointers are valid as long as the Params.
func (p *Params) finish(ctx context.Context, operation string) (name, object unsafe.Pointer) {
	if limit, ok := deadline(ctx); ok && !p.limit {
		p.Integer("timeoutMs", limit)
	}
	p.text = append(p.text, '}', 0)
	at := len(p.text)
	p.text = append(append(p.text, operation...), 0)
	return unsafe.Pointer(&p.text[at]), unsafe.Pointer(&p.text[0])
}

// quote writes a JSON text.
func quote(to []byte, text string) []byte {
	const hex = "0123456789abcdef"
	to = append(to, '"')
	from := 0
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		to = append(to, text[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			to = append(to, '\\', c)
		case '\n':
			to = append(to, '\\', 'n')
		default:
			to = append(to, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(append(to, text[from:]...), '"')
}
