# What a person types. `make` builds, `make demo` shows, `make test` proves.

# The version stands in Cargo.toml; everything else derives from it.
VERSION := $(shell packaging/version)
ABI := $(firstword $(subst ., ,$(VERSION)))

PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
DESTDIR ?=

CARGO ?= cargo
CC ?= cc
CFLAGS ?= -O2 -g
# For the C programs alone: cargo would compile its own C with them.
unexport CFLAGS
TARGET := $(or $(CARGO_TARGET_DIR),target)
RELEASE := $(TARGET)/release
PROGRAMS := $(TARGET)/examples
# A program that finds the library where it was built.
UNINSTALLED = -Iinclude -L$(RELEASE) -ldaytona -Wl,-rpath,$(abspath $(RELEASE))

EXAMPLES := $(patsubst examples/c/%.c,$(PROGRAMS)/%,$(wildcard examples/c/*.c))

.PHONY: all library server examples install generate coverage demo bench bench-tools soak test clean

all: library server

# Cargo optimises across crates only where nothing but final artifacts is made: with the rlib in the same
# call it would leave that out, without a word.
library:
	$(CARGO) rustc --locked --release --package libdaytona --no-default-features --features ffi --lib --crate-type cdylib,staticlib
	@ln -sfn libdaytona.so $(RELEASE)/libdaytona.so.$(ABI)

$(RELEASE)/libdaytona.so $(RELEASE)/libdaytona.a:
	$(MAKE) library

server:
	$(CARGO) build --locked --release --package daytona-dev

.PHONY: demo-go package-go

# The tour of `make demo` in Go.
demo-go: library
	$(CARGO) build --locked --package daytona-dev
	cd examples/go/quickstart && CGO_ENABLED=0 go build -buildvcs=false -o $(abspath $(PROGRAMS))/quickstart-go .
	LIBDAYTONA_PATH=$(abspath $(RELEASE)) $(TARGET)/debug/daytona-dev run -- $(PROGRAMS)/quickstart-go

# The Go module with the library inside, as a module proxy's directory.
package-go: library
	packaging/go $(TARGET)/package/go $(RELEASE)/libdaytona.so $(VERSION)

examples: $(EXAMPLES)

$(PROGRAMS)/%: examples/c/%.c include/daytona.h | library
	@mkdir -p $(PROGRAMS)
	$(CC) -std=c11 -Wall -Wextra $(CFLAGS) $< $(UNINSTALLED) $(LDFLAGS) -o $@

# Builds only what is not there, so that `sudo make install` needs no Rust.
install: $(RELEASE)/libdaytona.so $(RELEASE)/libdaytona.a
	DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' LIBDIR='$(LIBDIR)' INCLUDEDIR='$(INCLUDEDIR)' \
		packaging/install $(RELEASE) $(VERSION)

# Everything that follows from the catalogue: C functions, header, cdef, reference.
generate:
	$(CARGO) run --locked --quiet --package generator

# docs/coverage.md, from the tests of the library, which it runs.
coverage:
	rm -rf $(TARGET)/coverage
	DAYTONA_COVERAGE=$(abspath $(TARGET))/coverage $(CARGO) test --locked --quiet --package libdaytona --test suite
	$(CARGO) run --locked --quiet --package generator -- --coverage $(TARGET)/coverage

# The server from the dev profile, which is there sooner and which `make test` uses as well.
demo: $(PROGRAMS)/quickstart
	$(CARGO) build --locked --package daytona-dev
	$(TARGET)/debug/daytona-dev run -- $(PROGRAMS)/quickstart

# The same in C++; it needs nlohmann/json.
.PHONY: demo-cpp
demo-cpp: $(PROGRAMS)/quickstart-cpp
	$(CARGO) build --locked --package daytona-dev
	$(TARGET)/debug/daytona-dev run -- $(PROGRAMS)/quickstart-cpp

$(PROGRAMS)/quickstart-cpp: examples/cpp/quickstart.cpp $(wildcard bindings/cpp/*.hpp bindings/cpp/daytona/*.hpp) include/daytona.h | library
	@mkdir -p $(PROGRAMS)
	$(CXX) -std=c++17 -Wall -Wextra -O2 $< -Ibindings/cpp $(UNINSTALLED) -pthread $(LDFLAGS) -o $@

# The same in C#; no build server runs on.
.PHONY: demo-csharp
demo-csharp: library
	$(CARGO) build --locked --package daytona-dev
	MSBUILDDISABLENODEREUSE=1 UseSharedCompilation=false LIBDAYTONA_PATH=$(abspath $(RELEASE)) \
		$(TARGET)/debug/daytona-dev run -- dotnet run --project examples/csharp/quickstart

# The package for Node with the library of this tree, as the examples take it.
NODE_MODULES := examples/node/node_modules/libdaytona

$(NODE_MODULES):
	cd bindings/node && npm ci --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error
	@mkdir -p $(@D) && ln -sfn ../../../bindings/node $@

.PHONY: demo-node
demo-node: library $(NODE_MODULES)
	$(CARGO) build --locked --package daytona-dev
	LIBDAYTONA_PATH=$(abspath $(RELEASE)) $(TARGET)/debug/daytona-dev run -- node examples/node/quickstart.mjs

# The same in Ruby; it needs the ffi gem.
.PHONY: demo-ruby
demo-ruby: library
	$(CARGO) build --locked --package daytona-dev
	LIBDAYTONA_PATH=$(abspath $(RELEASE)) $(TARGET)/debug/daytona-dev run -- ruby -Ibindings/ruby/lib examples/ruby/quickstart.rb

# The same in Rust.
.PHONY: demo-rust
demo-rust:
	$(CARGO) build --locked --package daytona-dev --example quickstart --package libdaytona
	$(TARGET)/debug/daytona-dev run -- $(TARGET)/debug/examples/quickstart

# The tables of measures beside their peers; minutes. ROUNDS=N, MEASURE='parts of names, separated by |',
# LANGUAGES='c go ...': whose; OFFICIAL_GO=a checkout of Daytona's clients, for where no registry has their Go SDK.
ROUNDS ?= 5
LANGUAGES ?= c go csharp node ruby cpp python
# EARLIER=a daytona-dev of before: the sandboxes are measured beside its.
bench: bench-tools library $(if $(filter c,$(LANGUAGES)),server $(RELEASE)/bench-curl) $(RELEASE)/bench-daytona
	$(CARGO) build --locked --release --package bench
	OFFICIAL_GO='$(OFFICIAL_GO)' benches/languages $(RELEASE) $(LANGUAGES)
	$(RELEASE)/bench-table $(RELEASE) $(abspath $(RELEASE))/libdaytona.so $(ROUNDS) '$(LANGUAGES)' $(if $(MEASURE),'$(MEASURE)')
	$(if $(MEASURE),,$(if $(filter c,$(LANGUAGES)),$(RELEASE)/bench-sandboxes $(RELEASE)/daytona-dev '$(EARLIER)' $(ROUNDS)))

# What takes minutes: a thousand sandboxes, created and deleted, and a million calls in each language. SOAK='go node'.
soak: library
	RELEASE=$(abspath $(RELEASE)) tests/soak $(SOAK)
	$(CARGO) test --locked --package daytona-dev --test suite -- --ignored --show-output

$(RELEASE)/bench-daytona: benches/c/daytona.c benches/c/measure.h include/daytona.h | library
	$(CC) -std=gnu11 -O2 $< $(UNINSTALLED) -ldl -lpthread -o $@

bench-tools:
	@benches/tools

$(RELEASE)/bench-curl: benches/c/curl.c benches/c/measure.h | bench-tools
	@mkdir -p $(RELEASE)
	$(CC) -std=gnu11 -O2 $< -lcurl -o $@

# Everything that has its tools here; says what it left out. CI=1 leaves nothing out.
test:
	@tests/run

clean:
	$(CARGO) clean
