module github.com/libdaytona/libdaytona/bindings/go

go 1.25.0

// Calls of a shared library without cgo.
require github.com/ebitengine/purego v0.11.3
