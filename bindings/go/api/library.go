package api

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"
	"github.com/libdaytona/libdaytona/bindings/go/errors"
)

// abi is the version of the C interface that this package was written against, major << 16 | minor.
const abi = 1

// load loads the first library that exists in the places where it can be.
var load = sync.OnceValue(func() error {
	// The name that the system's loader knows the library by carries the major version.
	file, system := "libdaytona.so", fmt.Sprintf("libdaytona.so.%d", abi>>16)
	if runtime.GOOS == "darwin" {
		file, system = "libdaytona.dylib", fmt.Sprintf("libdaytona.%d.dylib", abi>>16)
	}
	if path := os.Getenv("LIBDAYTONA_PATH"); path != "" {
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			path = filepath.Join(path, file)
		}
		return open(path, path+" (LIBDAYTONA_PATH)")
	}
	var looked []string
	if program, err := os.Executable(); err == nil {
		looked = append(looked, filepath.Join(filepath.Dir(program), file))
	}
	// Where a packed module carries the library.
	if _, source, _, ok := runtime.Caller(0); ok && filepath.IsAbs(source) {
		looked = append(looked, filepath.Join(source, "../../lib", runtime.GOOS+"-"+runtime.GOARCH, file))
	}
	for _, path := range looked {
		if _, err := os.Stat(path); err == nil {
			return open(path, looked...)
		}
	}
	return open(system, append(looked, system+" (the system's libraries)")...)
})

func open(path string, looked ...string) error {
	handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return errors.New("CONFIGURATION", fmt.Sprintf(
			"The library libdaytona cannot be loaded: %v. Looked for %s. Set LIBDAYTONA_PATH to the file or its directory.",
			err, strings.Join(looked, ", ")))
	}
	missing := func(name string) error {
		return errors.New("CONFIGURATION", fmt.Sprintf("%s is no libdaytona: it has no %s.", path, name))
	}
	version, err := purego.Dlsym(handle, "daytona_abi_version")
	if err != nil {
		return missing("daytona_abi_version")
	}
	number, _, _ := purego.SyscallN(version)
	if is := uint32(number); is>>16 != abi>>16 || is < abi {
		reason := "too old"
		if is>>16 > abi>>16 {
			reason = "too new"
		}
		return errors.New("CONFIGURATION", fmt.Sprintf(
			"%s is %s: its interface is %d.%d, this package needs %d.%d or a later minor version.",
			path, reason, is>>16, is&0xffff, abi>>16, abi&0xffff))
	}
	for number, name := range functions {
		if addresses[number], err = purego.Dlsym(handle, name); err != nil {
			return missing(name)
		}
	}
	return nil
}

// taken copies what the library handed out, and frees it.
func taken(out unsafe.Pointer, length int) []byte {
	if out == nil {
		return nil
	}
	data := slices.Clone(unsafe.Slice((*byte)(out), length))
	daytonaFree(out)
	return data
}

// failure makes an error of the status of a function and the error JSON that it handed out; nil where there is none.
func failure(status int32, out unsafe.Pointer) error {
	if status == 0 {
		return nil
	}
	length := 0
	for out != nil && *(*byte)(unsafe.Add(out, length)) != 0 {
		length++
	}
	return errors.FromJSON(int(status), taken(out, length))
}
