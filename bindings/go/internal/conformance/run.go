package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	stderrors "errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/libdaytona/libdaytona/bindings/go/api"
	"github.com/libdaytona/libdaytona/bindings/go/errors"
)

// A step that has not ended after this fails its case.
const patience = 120 * time.Second

// object is a step, or a part of one.
type object = map[string]any

// running is one case while it runs.
type running struct {
	case_     testCase
	targets   map[string]*target
	opened    []*target
	variables map[string]any
}

func run(client *api.Client, one testCase) (err error) {
	directory, err := os.MkdirTemp("", "conformance")
	if err != nil {
		return err
	}
	defer os.RemoveAll(directory)
	address, err := url.Parse(os.Getenv("DAYTONA_API_URL"))
	if err != nil {
		return err
	}
	r := &running{case_: one, targets: map[string]*target{"client": {client: client}}, variables: object{
		"unique": strings.ToLower(rand.Text()), "tmp": directory, "apiHost": address.Host, "apiUrl": address.String(),
	}}
	defer r.end()
	switch one.On {
	case "echo":
		echo, err := api.OpenEcho()
		if err != nil {
			return err
		}
		r.keep("echo", &target{client: echo, own: true})
	case "sandbox":
		create := one.Create
		if create == nil {
			create = object{}
		}
		r.case_.Dynamic = false
		err := r.step(object{"call": "sandbox.create", "params": create, "as": "sandbox", "save": object{"sandboxId": "/id", "sandboxName": "/name"}})
		r.case_.Dynamic = one.Dynamic
		if err != nil {
			return err
		}
	}
	if one.Faults != nil {
		if err := faults(r.filled(one.Faults)); err != nil {
			return err
		}
		defer faults([]any{})
	}
	for number, step := range one.Steps {
		if err := r.step(step.(object)); err != nil {
			return fmt.Errorf("step %d: %w", number+1, err)
		}
	}
	return nil
}

// end releases what the case opened and deletes its sandbox.
func (r *running) end() {
	if id, ok := r.variables["sandboxId"].(string); ok {
		r.targets["client"].client.Attach(api.Sandbox{ID: id}).Delete(context.Background(), nil)
	}
	for _, one := range r.opened {
		one.close()
	}
}

func (r *running) keep(name string, one *target) {
	r.opened = append(r.opened, one)
	if name != "" {
		r.targets[name] = one
	}
}

func faults(rules any) error {
	text, err := json.Marshal(rules)
	if err != nil {
		return err
	}
	base, _ := strings.CutSuffix(os.Getenv("DAYTONA_API_URL"), "/api")
	request, err := http.NewRequest("POST", base+"/faults", bytes.NewReader(text))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+os.Getenv("DAYTONA_API_KEY"))
	answer, err := http.DefaultClient.Do(request)
	if err == nil {
		answer.Body.Close()
	}
	return err
}

var variable = regexp.MustCompile(`\$\{(\w+)\}`)

// filled is a value with its variables.
func (r *running) filled(value any) any {
	switch it := value.(type) {
	case []any:
		items := make([]any, len(it))
		for i, item := range it {
			items[i] = r.filled(item)
		}
		return items
	case object:
		items := object{}
		for key, item := range it {
			items[r.filled(key).(string)] = r.filled(item)
		}
		return items
	case string:
		if whole := variable.FindString(it); whole != "" && whole == it {
			return r.variables[it[2:len(it)-1]]
		}
		return variable.ReplaceAllStringFunc(it, func(name string) string { return fmt.Sprint(r.variables[name[2:len(name)-1]]) })
	}
	return value
}

func (r *running) step(step object) error {
	filled := object{}
	for key, value := range step {
		// The variables of these may come from the steps within.
		if key != "do" && key != "meanwhile" && key != "expect" {
			value = r.filled(value)
		}
		filled[key] = value
	}
	switch {
	case filled["stream"] != nil:
		if err := known(filled, "stream", "params", "with", "as", "save", "do", "expect"); err != nil {
			return err
		}
		return r.stream(filled)
	case filled["call"] != nil:
		if err := known(filled, "call", "params", "body", "with", "as", "save", "meanwhile", "cancel", "expect"); err != nil {
			return err
		}
		return r.call(filled)
	}
	if err := known(filled, "close"); err != nil {
		return err
	}
	one := r.targets[filled["close"].(string)]
	if one == nil {
		return fmt.Errorf("there is no handle %v", filled["close"])
	}
	return one.close()
}

func known(given object, keys ...string) error {
	for key := range given {
		found := false
		for _, one := range keys {
			found = found || one == key
		}
		if !found {
			return fmt.Errorf("unknown key %q", key)
		}
	}
	return nil
}

// on is what a step acts on.
func (r *running) on(step object, operation string) (*target, error) {
	name, ok := step["with"].(string)
	if !ok {
		name = targetOf(operation)
	}
	if one := r.targets[name]; one != nil {
		return one, nil
	}
	return nil, fmt.Errorf("there is no handle %q", name)
}

func (r *running) call(step object) error {
	operation := step["call"].(string)
	given := newParams(step["params"], r.case_.Dynamic)
	if body, ok := step["body"].(object); ok {
		given.body = bytesOf(body)
	}
	expected, ctx, cancel := r.expected(step, "result", "bytes", "error")
	defer cancel()
	ended := make(chan outcome, 1)
	if operation == "client.open" || operation == "echo.open" {
		ended <- openClient(operation, given)
	} else {
		on, err := r.on(step, operation)
		if err != nil {
			return err
		}
		go func() { ended <- called(ctx, on, operation, given) }()
	}
	if others, ok := step["meanwhile"].([]any); ok {
		for _, other := range others {
			if err := r.step(other.(object)); err != nil {
				return err
			}
		}
		expected = r.filled(step["expect"])
	}
	if step["cancel"] == true {
		cancel()
	}
	var is outcome
	select {
	case is = <-ended:
	case <-time.After(patience):
		return fmt.Errorf("%s has not ended", operation)
	}
	is.give(given)
	if is.made != nil {
		name, _ := step["as"].(string)
		r.keep(name, is.made)
	}
	return r.compare(step, expected, operation, is, "result")
}

func (r *running) expected(step object, keys ...string) (any, context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	return r.filled(step["expect"]), ctx, cancel
}

// compare compares what came with what is expected, and keeps what is saved.
func (r *running) compare(step object, expected any, operation string, is outcome, good string) error {
	wanted, _ := expected.(object)
	if is.err != nil || wanted["error"] != nil {
		if is.err == nil {
			return fmt.Errorf("no error came; expected %s", shown(wanted["error"]))
		}
		came := errorJSON(is.err)
		if wanted["error"] == nil {
			return fmt.Errorf("failed: %s", shown(came))
		}
		if err := match(wanted["error"], came, "error"); err != nil {
			return fmt.Errorf("%w; all of it: %s", err, shown(came))
		}
		return nil
	}
	if want, ok := wanted["bytes"].(object); ok {
		return matchBytes(want, is.raw, operation)
	}
	result := is.json
	if save, ok := step["save"].(object); ok {
		for name, pointer := range save {
			value, err := pointed(result, pointer.(string))
			if err != nil {
				return err
			}
			r.variables[name] = value
		}
	}
	if want, ok := wanted[good]; ok {
		return match(want, result, good)
	}
	return nil
}

func (r *running) stream(step object) error {
	operation := step["stream"].(string)
	on, err := r.on(step, operation)
	if err != nil {
		return err
	}
	given := newParams(step["params"], r.case_.Dynamic)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	open, err := openStream(ctx, on, operation, given)
	if given.err != nil {
		return given.err
	}
	if err != nil {
		return r.compare(step, r.filled(step["expect"]), operation, outcome{err: err}, "ended")
	}
	defer open.Close()
	got := &gathered{stream: open}
	closed := false
	actions, _ := step["do"].([]any)
	for _, one := range actions {
		action := one.(object)
		switch {
		case action["write"] != nil:
			if _, err := open.WriteContext(ctx, bytesOf(r.filled(action["write"]).(object))); err != nil {
				return r.compare(step, r.filled(step["expect"]), operation, outcome{err: err}, "ended")
			}
		case action["until"] != nil:
			if err := got.until(ctx, r.filled(action["until"]).(string)); err != nil {
				return err
			}
		case action["finish"] == true:
			if err := open.Finish(); err != nil {
				return err
			}
		case action["close"] == "stream":
			closed = true
			open.Close()
		default:
			if err := r.step(action); err != nil {
				return err
			}
		}
	}
	is := outcome{}
	if !closed {
		is.err = got.rest(ctx)
		if is.err == nil {
			is = open.end(ctx)
		}
		if is.made != nil {
			name, _ := step["as"].(string)
			r.keep(name, is.made)
		}
	}
	expected := r.filled(step["expect"])
	if err := got.compare(expected); err != nil || closed {
		return err
	}
	return r.compare(step, expected, operation, is, "ended")
}

// gathered is what came of a stream.
type gathered struct {
	stream     stream
	channels   [4][]byte
	text       []byte
	looked     int
	structured []any
}

func (g *gathered) next(ctx context.Context) error {
	chunk, err := g.stream.Next(ctx)
	if err != nil {
		return err
	}
	if chunk.Channel == api.ChannelStructured {
		value, err := decoded(chunk.Bytes)
		g.structured = append(g.structured, value)
		return err
	}
	g.channels[chunk.Channel] = append(g.channels[chunk.Channel], chunk.Bytes...)
	g.text = append(g.text, chunk.Bytes...)
	return nil
}

func (g *gathered) until(ctx context.Context, text string) error {
	for {
		if at := bytes.Index(g.text[g.looked:], []byte(text)); at >= 0 {
			g.looked += at + len(text)
			return nil
		}
		if err := g.next(ctx); err != nil {
			return fmt.Errorf("no %q came, but %w after %q", text, err, g.text[g.looked:])
		}
	}
}

// rest reads to the end.
func (g *gathered) rest(ctx context.Context) error {
	for {
		if err := g.next(ctx); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func (g *gathered) compare(expected any) error {
	wanted, _ := expected.(object)
	for name, want := range wanted {
		var err error
		switch name {
		case "opened":
			err = match(want, g.stream.opened(), name)
		case "none", "stdout", "stderr":
			at := map[string]int{"none": 0, "stdout": 1, "stderr": 2}[name]
			err = matchBytes(want.(object), g.channels[at], name)
		case "structured":
			err = match(want, append([]any{}, g.structured...), name)
		case "ended", "error":
		default:
			err = fmt.Errorf("unknown key %q", name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// errorJSON is an error as the cases have it, with its class and the one above that.
func errorJSON(err error) any {
	var failure *errors.DaytonaError
	if !stderrors.As(err, &failure) {
		return object{"message": err.Error(), "class": fmt.Sprintf("%T", err)}
	}
	value, _ := decoded(must(json.Marshal(failure)))
	is := value.(object)
	is["class"], is["parent"] = nil, nil
	if class := failure.Class(); class != "" {
		is["class"] = class
	}
	if parent := errors.ParentClass(failure.Class()); parent != "" {
		is["parent"] = parent
	}
	return is
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
