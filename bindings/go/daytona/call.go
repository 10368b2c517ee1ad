package daytona

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"time"

	"github.com/libdaytona/libdaytona/bindings/go/api"
)

// get runs an operation. Whole numbers inside maps are int32 where they fit, as in the official package.
func get[T any](ctx context.Context, on api.Target, operation string, arguments ...api.Argument) (T, error) {
	value, err := api.Call[T](ctx, on, operation, arguments...)
	if at := reflect.ValueOf(value); err == nil && (at.Kind() == reflect.Pointer || at.Kind() == reflect.Map) && at.IsNil() {
		err = api.Misshapen(operation, errors.New("it is null"))
	}
	whole(value)
	return value, err
}

// member runs an operation and gives one member of its result.
func member[T any](ctx context.Context, on api.Target, operation, name string, arguments ...api.Argument) (T, error) {
	var value T
	result, err := api.Call[map[string]json.RawMessage](ctx, on, operation, arguments...)
	if err != nil || result[name] == nil {
		return value, err
	}
	if err := json.Unmarshal(result[name], &value); err != nil {
		return value, api.Misshapen(operation, err)
	}
	whole(value)
	return value, nil
}

func whole(values any) {
	switch it := values.(type) {
	case []map[string]any:
		for _, one := range it {
			whole(one)
		}
	case map[string]any:
		for name, value := range it {
			if number, ok := value.(float64); ok && number == math.Trunc(number) && math.Abs(number) <= math.MaxInt32 {
				it[name] = int32(number)
			}
			whole(value)
		}
	}
}

// seconds is the server's time limit, which may be fractional.
func seconds(name string, limit *time.Duration) api.Argument {
	if limit == nil {
		return api.Optional(name, nil)
	}
	return api.Value(name, limit.Seconds())
}

// anything is a list in the official package's type.
func anything[T any](values []T, err error) ([]any, error) {
	var all []any
	for _, value := range values {
		all = append(all, value)
	}
	return all, err
}

// of is what a pointer leads to, or the zero value.
func of[T any](value *T) (is T) {
	if value != nil {
		is = *value
	}
	return is
}

func instant[T ~string](at T) time.Time {
	is, _ := time.Parse(time.RFC3339Nano, string(at))
	return is
}
