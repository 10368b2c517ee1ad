// Package errors has the errors of all operations: one type that says everything that is known, sentinels for
// errors.Is and a type for errors.As for each class.
//
//	if errors.Is(err, daytonaerrors.ErrFileNotFound) { ... }
//
//	var failure *daytonaerrors.DaytonaError
//	if stderrors.As(err, &failure) { log.Print(failure.RequestID) }
package errors

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"
)

// Who made an error.
const (
	SourceAPI    = "DAYTONA_API"
	SourceDaemon = "DAYTONA_DAEMON"
	SourceProxy  = "DAYTONA_PROXY"
)

// DaytonaError is everything that is known about a failure.
type DaytonaError struct {
	// Message says what happened, to what, and what to do about it.
	Message string
	// StatusCode is the HTTP status of the answer, or the one that stands for the failure (a timeout on this
	// side is 408, a wrong argument 400); 0 where there is none.
	StatusCode int
	// Code is the finer reason, as FILE_NOT_FOUND; empty where there is none.
	Code string
	// Source says who made the error; empty where the server does not say, and for the library's own.
	Source string
	// Headers are the response's; nil where there was no response.
	Headers http.Header

	// Status is the library's status: 1 to 99 happened on this side, 400 to 599 is the server's HTTP status.
	Status int
	// HTTPStatus is the HTTP status of the answer; 0 where there was none.
	HTTPStatus int
	// Name is the status's name, as NOT_FOUND or TIMEOUT.
	Name string
	// Operation is the operation, as files.read.
	Operation string
	// RequestID is the id that the server gave the request.
	RequestID string
	// Retryable says whether the same call may succeed when repeated as it is.
	Retryable bool
	// RetryAfter is how long to wait before repeating it; 0 where the server does not say.
	RetryAfter time.Duration
	// Attempts is how often the request was sent.
	Attempts int
	// SandboxID is the sandbox's UUID, where one was involved and it is known.
	SandboxID string
	// SandboxName is the unique name that a create sent.
	SandboxName string
	// Bytes and Position say of a stream how much was delivered and where to resume; nil elsewhere.
	Bytes, Position *int64
	// ExitCode is the exit code where the remote side ended before the stream failed.
	ExitCode *int
	// Reason says of a stream why the remote side ended.
	Reason string
	// Cause is the context's error where its end was the reason.
	Cause error

	retryAfterMs int64 // exactly; a Duration ends at 292 years
}

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
		return classes[httpNames[e.StatusCode]]
	}
	return ""
}

// ParentClass is the class right above a class; empty below the root.
func ParentClass(class string) string { return parents[class] }

// MarshalJSON writes the library's error JSON.
func (e *DaytonaError) MarshalJSON() ([]byte, error) {
	is := map[string]any{
		"status": e.Status, "name": e.Name, "message": e.Message, "code": orNull(e.Code), "source": orNull(e.Source),
		"operation": orNull(e.Operation), "httpStatus": orNull(e.HTTPStatus), "requestId": orNull(e.RequestID),
		"retryable": e.Retryable, "retryAfterMs": orNull(e.retryAfterMs), "attempts": e.Attempts,
		"sandboxId": orNull(e.SandboxID), "headers": nil,
	}
	if e.Headers != nil {
		headers := map[string]string{}
		for name := range e.Headers {
			headers[strings.ToLower(name)] = e.Headers.Get(name)
		}
		is["headers"] = headers
	}
	for name, value := range map[string]any{"sandboxName": orNull(e.SandboxName), "reason": orNull(e.Reason)} {
		if value != nil {
			is[name] = value
		}
	}
	for name, value := range map[string]*int64{"bytes": e.Bytes, "position": e.Position} {
		if value != nil {
			is[name] = *value
		}
	}
	if e.ExitCode != nil {
		is["exitCode"] = *e.ExitCode
	}
	return json.Marshal(is)
}

func orNull[T comparable](value T) any {
	var none T
	if value == none {
		return nil
	}
	return value
}

// New makes an error of a status by its name, as CLOSED.
func New(name, message string) *DaytonaError {
	status := statuses[name]
	return &DaytonaError{Message: message, Name: name, Status: status, StatusCode: standsFor(name, status)}
}

// standsFor is the HTTP status that a failure of this side has in the official packages.
func standsFor(name string, status int) int {
	switch name {
	case "TIMEOUT":
		return http.StatusRequestTimeout
	case "INVALID_ARGUMENT", "INVALID_JSON":
		return http.StatusBadRequest
	case "NO_MATCH":
		return http.StatusNotFound
	}
	if status >= 400 {
		return status
	}
	return 0
}

// FromJSON reads the library's error JSON.
func FromJSON(status int, text []byte) *DaytonaError {
	var is struct {
		Name, Message, Code, Source, Operation, RequestID, SandboxID, SandboxName, Reason string
		HTTPStatus                                                                        int
		Retryable                                                                         bool
		RetryAfterMs                                                                      int64
		Attempts                                                                          int
		Bytes, Position                                                                   *int64
		ExitCode                                                                          *int
		Headers                                                                           map[string]string
	}
	if json.Unmarshal(text, &is) != nil || is.Name == "" {
		name := names[status]
		return &DaytonaError{Message: "The library answered " + name + ".", Name: name, Status: status, StatusCode: standsFor(name, status)}
	}
	failure := &DaytonaError{
		Message: is.Message, StatusCode: is.HTTPStatus, Code: is.Code, Source: is.Source, Status: status, HTTPStatus: is.HTTPStatus,
		Name: is.Name, Operation: is.Operation, RequestID: is.RequestID, Retryable: is.Retryable,
		RetryAfter: time.Duration(min(is.RetryAfterMs, math.MaxInt64/int64(time.Millisecond))) * time.Millisecond,
		Attempts:   is.Attempts, retryAfterMs: is.RetryAfterMs,
		SandboxID: is.SandboxID, SandboxName: is.SandboxName, Bytes: is.Bytes, Position: is.Position,
		ExitCode: is.ExitCode, Reason: is.Reason,
	}
	if failure.StatusCode == 0 {
		failure.StatusCode = standsFor(is.Name, status)
	}
	if is.Headers != nil {
		failure.Headers = http.Header{}
		for name, value := range is.Headers {
			failure.Headers.Set(name, value)
		}
	}
	return failure
}

// NewDaytonaError makes an error of an HTTP status.
func NewDaytonaError(message string, statusCode int, headers http.Header) *DaytonaError {
	return &DaytonaError{Message: message, StatusCode: statusCode, Headers: headers}
}
