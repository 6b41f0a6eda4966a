# natlims. `make help` lists what there is. Two targets do all the set-up on a fresh Debian-like machine with Go: demo and test.

SHELL := /bin/bash
.DEFAULT_GOAL := help
export CGO_ENABLED ?= 0
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME ?= 3s
ORDERS ?= 600
DEMO ?= # more flags of the demo: make demo DEMO='--exit --speed 60'
VERSION ?= $(shell git describe --tags --always 2>/dev/null || echo dev)

.PHONY: help demo test build cross check unit race fuzz bench corpus clean postgres chromium compiler

help: ## List the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

demo: postgres ## Install what is missing and play a day of a laboratory; then open http://127.0.0.1:8080
	go run ./cmd/lims demo --orders $(ORDERS) $(DEMO)

test: postgres chromium compiler check race fuzz ## Install what the tests need and run all of them

build: ## Build bin/lims
	go build -trimpath -ldflags "-X main.version=$(VERSION)" -o bin/lims ./cmd/lims

cross: ## Build for the machines that a gate or server runs on
	@set -e; for t in linux/amd64 linux/arm64 windows/amd64 darwin/arm64; do \
		ext=; [ $${t%/*} = windows ] && ext=.exe; echo $$t; \
		GOOS=$${t%/*} GOARCH=$${t#*/} go build -trimpath -ldflags "-X main.version=$(VERSION)" -o dist/lims-$${t%/*}-$${t#*/}$$ext ./cmd/lims; done

check: ## gofmt, vet, staticcheck
	@out=$$(gofmt -l .); [ -z "$$out" ] || { echo "not gofmt-ed:"; echo "$$out"; exit 1; }
	go vet ./...
	go run $(STATICCHECK) ./...

unit: ## Tests without the race detector
	go test -timeout 20m ./...

race: ## All tests with the race detector
	CGO_ENABLED=1 go test -race -timeout 40m ./...

fuzz: ## Each fuzz target for FUZZTIME
	@set -e; grep -rlE '^func Fuzz' --include=*_test.go . | sort | while read -r f; do \
		for t in $$(grep -oE '^func Fuzz[A-Za-z0-9_]+' $$f | cut -d' ' -f2); do \
			echo "$$(dirname $$f) $$t"; go test $$(dirname $$f) -run '^$$' -fuzz "^$$t$$" -fuzztime $(FUZZTIME) -parallel 2 > /tmp/natlims-fuzz.$$$$ 2>&1 \
				|| { cat /tmp/natlims-fuzz.$$$$; exit 1; }; done; done; rm -f /tmp/natlims-fuzz.*

bench: ## Go benchmarks
	go test -run '^$$' -bench . -benchmem ./...

corpus: ## Read the instrument files in LIMS_CORPUS and compare every reading
	go test -count 1 -run Corpus ./instruments/... ./lims/...

clean: ## Remove what was built
	rm -rf bin dist

# PostgreSQL's server programs; the database itself is started and supervised by lims.
postgres:
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null 2>&1 || [ -n "$$LIMS_PG_BIN" ] || .ci/install postgresql

compiler: # the race detector links with C
	@command -v gcc >/dev/null 2>&1 || .ci/install gcc libc6-dev

chromium:
	@command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 || command -v google-chrome >/dev/null 2>&1 || .ci/install chromium
	@ls /usr/share/fonts/opentype/noto/*CJK* >/dev/null 2>&1 || .ci/install fonts-noto-cjk
