package daytona

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"time"

	"github.com/libdaytona/libdaytona/bindings/go/api"
	"github.com/libdaytona/libdaytona/bindings/go/errors"
	"github.com/libdaytona/libdaytona/bindings/go/internal/native"
)

// null runs an operation and drops its result.
func null(ctx context.Context, on api.Target, operation string, arguments ...api.Argument) error {
	_, err := api.Call[api.Nothing](ctx, on, operation, arguments...)
	return err
}

// get runs an operation. Whole numbers inside maps are int32 where they fit, as in the official package.
func get[T any](ctx context.Context, on api.Target, operation string, arguments ...api.Argument) (T, error) {
	value, err := api.Call[T](ctx, on, operation, arguments...)
	switch it := any(value).(type) {
	case map[string]any:
		whole(it)
	case []map[string]any:
		for _, one := range it {
			whole(one)
		}
	}
	return value, err
}

// member runs an operation and gives one member of its result.
func member[T any](ctx context.Context, on api.Target, operation, name string, arguments ...api.Argument) (T, error) {
	var value T
	result, err := api.Call[map[string]json.RawMessage](ctx, on, operation, arguments...)
	if err != nil || len(result[name]) == 0 || bytes.Equal(result[name], []byte("null")) {
		return value, err
	}
	if err := json.Unmarshal(result[name], &value); err != nil {
		return value, err
	}
	if maps, ok := any(value).([]map[string]any); ok {
		for _, one := range maps {
			whole(one)
		}
	}
	return value, nil
}

func whole(values map[string]any) {
	for name, value := range values {
		switch it := value.(type) {
		case float64:
			if it == math.Trunc(it) && math.Abs(it) <= math.MaxInt32 {
				values[name] = int32(it)
			}
		case map[string]any:
			whole(it)
		}
	}
}

// milliseconds is a time limit; 0 is none, as in the official package.
func milliseconds(name string, limit time.Duration) api.Argument {
	return api.Integer(name, native.Milliseconds(limit))
}

// missing is the error of an argument that is nil.
func missing(operation, name string) error {
	return errors.New("INVALID_ARGUMENT", operation+": `"+name+"` is missing.")
}

// over is the error of output that its reader's context did not wait for.
func over(ctx context.Context) error {
	err := errors.New("CANCELLED", "the context was over before the output was taken.")
	err.Cause = ctx.Err()
	return err
}

// seconds is the server's time limit, which may be fractional.
func seconds(name string, limit *time.Duration) api.Argument {
	if limit == nil {
		return api.Optional(name, nil)
	}
	return api.Value(name, limit.Seconds())
}

// last is the value of a trailing optional parameter.
func last[T any](name string, values []T) api.Argument {
	if len(values) == 0 {
		return api.Optional(name, nil)
	}
	return api.Value(name, values[len(values)-1])
}
