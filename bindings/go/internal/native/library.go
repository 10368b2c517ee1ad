// Package native calls the shared library: it finds and loads it, submits calls, pumps their completions
// and reads streams. It knows handles, JSON texts and bytes, and no operation.
package native

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"
	"github.com/libdaytona/libdaytona/bindings/go/errors"
)

// abi is the version of the C interface that this package was written against, major << 16 | minor.
const abi = 1

// library holds the addresses of the functions that are called.
type library struct {
	clientOpen, echoOpen, close, free                     uintptr
	call, submit, cancel                                  uintptr
	queueOpen, queueNext, queueFd, eventTake              uintptr
	streamOpen, streamWrite, streamFinish                 uintptr
	shutdown, statusName, version, protocolVersion, check uintptr
}

var load = sync.OnceValues(find)

// find loads the first library that exists in the places where it can be.
func find() (*library, error) {
	if path := os.Getenv("LIBDAYTONA_PATH"); path != "" {
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			path = filepath.Join(path, fileName())
		}
		return open(path, []string{path + " (LIBDAYTONA_PATH)"})
	}
	var looked []string
	for _, directory := range beside() {
		path := filepath.Join(directory, fileName())
		looked = append(looked, path)
		if _, err := os.Stat(path); err == nil {
			return open(path, looked)
		}
	}
	name := systemName()
	return open(name, append(looked, name+" (the system's libraries)"))
}

// beside gives the directory of the running program, and the one that a packed module carries the library in.
func beside() []string {
	var directories []string
	if program, err := os.Executable(); err == nil {
		directories = append(directories, filepath.Dir(program))
	}
	if _, source, _, ok := runtime.Caller(0); ok && filepath.IsAbs(source) {
		module := filepath.Dir(filepath.Dir(filepath.Dir(source)))
		directories = append(directories, filepath.Join(module, "lib", runtime.GOOS+"-"+runtime.GOARCH))
	}
	return directories
}

func fileName() string {
	if runtime.GOOS == "darwin" {
		return "libdaytona.dylib"
	}
	return "libdaytona.so"
}

// systemName is the name that the system's loader knows the library by; it carries the major version.
func systemName() string {
	if runtime.GOOS == "darwin" {
		return fmt.Sprintf("libdaytona.%d.dylib", abi>>16)
	}
	return fmt.Sprintf("libdaytona.so.%d", abi>>16)
}

func open(path string, looked []string) (*library, error) {
	handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return nil, errors.New("CONFIGURATION", fmt.Sprintf(
			"The library libdaytona cannot be loaded: %v. Looked for %s. Set LIBDAYTONA_PATH to the file or its directory.",
			err, strings.Join(looked, ", ")))
	}
	if err := supported(path, handle); err != nil {
		return nil, err
	}
	found := &library{}
	for name, address := range map[string]*uintptr{
		"client_open": &found.clientOpen, "echo_open": &found.echoOpen, "close": &found.close, "free": &found.free,
		"call": &found.call, "submit": &found.submit, "cancel": &found.cancel,
		"queue_open": &found.queueOpen, "queue_next": &found.queueNext, "queue_fd": &found.queueFd,
		"event_take": &found.eventTake, "stream_open": &found.streamOpen, "stream_write": &found.streamWrite,
		"stream_finish": &found.streamFinish, "shutdown": &found.shutdown, "status_name": &found.statusName,
		"version": &found.version, "protocol_version": &found.protocolVersion,
	} {
		if *address, err = purego.Dlsym(handle, "daytona_"+name); err != nil {
			return nil, errors.New("CONFIGURATION", fmt.Sprintf("%s is no libdaytona: it has no daytona_%s.", path, name))
		}
	}
	return found, nil
}

// supported refuses a library of another major version, or one that is older than this package.
func supported(path string, handle uintptr) error {
	address, err := purego.Dlsym(handle, "daytona_abi_version")
	if err != nil {
		return errors.New("CONFIGURATION", path+" is no libdaytona: it has no daytona_abi_version.")
	}
	number, _, _ := purego.SyscallN(address)
	is := uint32(number)
	if is>>16 == abi>>16 && is >= abi {
		return nil
	}
	reason := "too old"
	if is>>16 > abi>>16 {
		reason = "too new"
	}
	return errors.New("CONFIGURATION", fmt.Sprintf(
		"%s is %s: its interface is %d.%d, this package needs %d.%d or a later minor version.",
		path, reason, is>>16, is&0xffff, abi>>16, abi&0xffff))
}

// LibraryVersion is the version of the loaded library, as "0.1.0".
func LibraryVersion() (string, error) {
	lib, err := load()
	if err != nil {
		return "", err
	}
	var version func() string
	purego.RegisterFunc(&version, lib.version)
	return version(), nil
}

// text copies what the library handed out, and frees it.
func (lib *library) text(out unsafe.Pointer, length int) []byte {
	if out == nil {
		return nil
	}
	data := make([]byte, length)
	copy(data, unsafe.Slice((*byte)(out), length))
	purego.SyscallN(lib.free, uintptr(out))
	return data
}

// failure makes an error of the error JSON that a function handed out.
func (lib *library) failure(status int32, out unsafe.Pointer) error {
	length := 0
	for out != nil && *(*byte)(unsafe.Add(out, length)) != 0 {
		length++
	}
	return errors.FromJSON(int(status), lib.text(out, length))
}

// closeHandle releases any handle; one that is closed already is no mistake.
func (lib *library) closeHandle(handle uint64) {
	if handle != 0 {
		purego.SyscallN(lib.close, uintptr(handle))
	}
}
