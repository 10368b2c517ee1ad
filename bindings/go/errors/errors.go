// Package errors has the errors of all operations: one type that says everything that is known, sentinels for
// errors.Is and a type for errors.As for each class.
//
//	if errors.Is(err, daytonaerrors.ErrFileNotFound) { ... }
//
//	var failure *daytonaerrors.DaytonaError
//	if stderrors.As(err, &failure) { log.Print(failure.RequestID) }
package errors

import (
	"cmp"
	"context"
	"encoding/json"
	stderrors "errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"
)

// Error gives the message, with the HTTP status where there is one.
func (e *DaytonaError) Error() string {
	if e.StatusCode != 0 {
		return fmt.Sprintf("Daytona error (status %d): %s", e.StatusCode, e.Message)
	}
	return "Daytona error: " + e.Message
}

// Unwrap gives the context's error where its end was the reason.
func (e *DaytonaError) Unwrap() error { return e.Cause }

// Is compares with a sentinel, or with an error of the same code or HTTP status.
func (e *DaytonaError) Is(target error) bool {
	t, ok := target.(*DaytonaError)
	if !ok {
		return false
	}
	if class, ok := sentinels[t]; ok {
		return e.belongs(class)
	}
	if t.Code != "" {
		return e.Code == t.Code && e.Source == t.Source
	}
	return t.StatusCode != 0 && e.StatusCode == t.StatusCode
}

// belongs tells whether the error is of a class or of one below it.
func (e *DaytonaError) belongs(class string) bool {
	for own := e.Class(); own != ""; own = parents[own] {
		if own == class {
			return true
		}
	}
	return false
}

// Class is the error's class in the tree that all languages share, as FileNotFound; empty for an HTTP status
// without one.
func (e *DaytonaError) Class() string {
	// The library's own errors have a code and no source.
	if known, ok := codes[e.Code]; ok && (known.source == "" || e.Source == "" || known.source == e.Source) {
		return known.class
	}
	if class, ok := classes[e.Name]; ok {
		return class
	}
	if e.Name == "" {
		return classes[names[e.StatusCode]]
	}
	return ""
}

// ParentClass is the class right above a class; empty below the root.
func ParentClass(class string) string { return parents[class] }

// plain has the members of the error JSON that are fields as they are; wire has them all.
type plain DaytonaError

type wire struct {
	*plain
	Headers      map[string]string `json:"headers,omitzero"`
	RetryAfterMs int64             `json:"retryAfterMs,omitzero"`
}

// MarshalJSON writes the library's error JSON; what is not known is absent.
func (e *DaytonaError) MarshalJSON() ([]byte, error) {
	is := wire{plain: (*plain)(e), RetryAfterMs: e.retryAfterMs}
	if e.Headers != nil {
		is.Headers = map[string]string{}
	}
	for name := range e.Headers {
		is.Headers[strings.ToLower(name)] = e.Headers.Get(name)
	}
	return json.Marshal(is)
}

// FromJSON reads the library's error JSON.
func FromJSON(status int, text []byte) *DaytonaError {
	e := &DaytonaError{}
	is := wire{plain: (*plain)(e)}
	if json.Unmarshal(text, &is) != nil || e.Name == "" {
		name := names[status]
		return &DaytonaError{Message: "The library answered " + name + ".", Name: name, Status: status, StatusCode: statuses[name].http}
	}
	e.StatusCode = cmp.Or(e.HTTPStatus, statuses[e.Name].http)
	e.retryAfterMs = is.RetryAfterMs
	e.RetryAfter = time.Duration(min(is.RetryAfterMs, math.MaxInt64/int64(time.Millisecond))) * time.Millisecond
	if is.Headers != nil {
		e.Headers = http.Header{}
	}
	for name, value := range is.Headers {
		e.Headers.Set(name, value)
	}
	return e
}

// New makes an error of a status by its name, as CLOSED.
func New(name, message string) *DaytonaError {
	is := statuses[name]
	return &DaytonaError{Message: message, Name: name, Status: is.number, StatusCode: is.http}
}

// Of is New for an operation.
func Of(operation, name, message string) *DaytonaError {
	e := New(name, operation+": "+message)
	e.Operation = operation
	return e
}

// OfContext makes the error of an operation that a context's end cut off.
func OfContext(ctx context.Context, operation, when string) *DaytonaError {
	return EndedBy(ctx.Err(), Of(operation, "CANCELLED", "the context was over "+when+"."))
}

// EndedBy makes an error the context's as well: TIMEOUT where its deadline passed.
func EndedBy(cause error, e *DaytonaError) *DaytonaError {
	e.Cause = cause
	if cause == context.DeadlineExceeded {
		late := New("TIMEOUT", "")
		e.Name, e.Status, e.StatusCode = late.Name, late.Status, late.StatusCode
	}
	return e
}

// NewDaytonaError makes an error of an HTTP status.
func NewDaytonaError(message string, statusCode int, headers http.Header) *DaytonaError {
	return &DaytonaError{Message: message, StatusCode: statusCode, Headers: headers}
}

// NewDaytonaErrorFromBody makes an error of a server's answer, whose own statusCode counts more than the given one.
func NewDaytonaErrorFromBody(body []byte, statusCode int, headers http.Header) *DaytonaError {
	var is struct {
		Message, Error, Code, Source string
		ErrorCode                    string `json:"error_code"`
		StatusCode                   int
	}
	if len(body) > 0 && json.Unmarshal(body, &is) != nil {
		is.Message = string(body)
	}
	e := NewDaytonaError(cmp.Or(is.Message, is.Error, "Request failed"), cmp.Or(is.StatusCode, statusCode), headers)
	e.Code, e.Source = cmp.Or(is.Code, is.ErrorCode), is.Source
	return e
}

// ConvertAPIError makes an error of one that a generated client of the API gave, and of the answer where there is one.
func ConvertAPIError(err error, httpResp *http.Response) error {
	if err == nil {
		return nil
	}
	if httpResp == nil {
		httpResp = &http.Response{}
	}
	var answered interface{ Body() []byte }
	if stderrors.As(err, &answered) && len(answered.Body()) > 0 {
		return NewDaytonaErrorFromBody(answered.Body(), httpResp.StatusCode, httpResp.Header)
	}
	return NewDaytonaError(err.Error(), httpResp.StatusCode, httpResp.Header)
}

// ConvertToolboxError is ConvertAPIError of a generated client of the toolbox.
func ConvertToolboxError(err error, httpResp *http.Response) error {
	return ConvertAPIError(err, httpResp)
}
