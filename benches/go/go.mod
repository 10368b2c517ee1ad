module bench

go 1.25.4

require github.com/libdaytona/libdaytona/bindings/go v0.0.0

require github.com/ebitengine/purego v0.11.3 // indirect

replace github.com/libdaytona/libdaytona/bindings/go => ../../bindings/go
