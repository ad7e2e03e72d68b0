# Everything a contributor runs. `make` alone lists the targets.

GOLANGCI_LINT_VERSION := v2.15.0
GOLANGCI_LINT := .tools/bin/golangci-lint-$(GOLANGCI_LINT_VERSION)

# What --version prints: the tag without its v, with distance and commit when not on a tag.
VERSION := $(patsubst v%,%,$(shell git describe --tags --always --dirty 2>/dev/null || echo dev))

MODULE := github.com/tap-confluence/tap-confluence

# Static, without paths of this machine, and the same bytes for the same commit everywhere.
BUILD = CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '-s -w -X $(MODULE)/tap.version=$(VERSION)'

# Where Go files are; not the directories of tools and Python packages.
GO_DIRS = cmd tap schemas catalog internal

FUZZTIME ?= 10s
BENCHTIME ?= 1s
BENCH ?= .

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

##  Build

.PHONY: build
build: need-go ## Build bin/tap-confluence
	$(BUILD) -o bin/tap-confluence ./cmd/tap-confluence

.PHONY: build-site
build-site: need-go
	$(BUILD) -o bin/simconfluence ./internal/simconfluence/cmd/simconfluence

##  See it work

.PHONY: demo
demo: build build-site ## Load a simulated site into DuckDB and compare every table with the truth
	@demo/duckdb.sh

.PHONY: demo-postgres
demo-postgres: build build-site ## The same into a temporary Postgres server, twice
	@demo/postgres.sh

##  Check

# The tests come last, so that the last lines are theirs.
.PHONY: test
test: lint ## Run every check: format, vet, lint, modules, tests with -race
	go mod verify
	go mod tidy -diff
	go test -race -shuffle=on -count=1 ./...

.PHONY: lint
lint: need-go $(GOLANGCI_LINT) ## Check format, go vet, golangci-lint (the order of imports, too)
	@unformatted=$$(gofmt -l $(wildcard $(GO_DIRS))) && \
	if [ -n "$$unformatted" ]; then echo "gofmt would change:"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	$(GOLANGCI_LINT) run ./...

.PHONY: requests
requests: need-go ## Count the requests of full, incremental and plain syncs of 10,000 pages
	go run ./internal/bench requests

.PHONY: bench
bench: need-go ## Run the benchmarks (BENCH=regexp, BENCHTIME=1s)
	go test -run='^$$' -bench='$(BENCH)' -benchtime=$(BENCHTIME) -benchmem ./...

.PHONY: fuzz
fuzz: need-go ## Run each fuzz target for a while (FUZZTIME=10s)
	@grep -roE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' $(wildcard $(GO_DIRS)) | sed 's/:func / /' | sort | \
	while read -r file name; do \
		echo "== $$name in $$(dirname "$$file")"; \
		go test -run='^$$' -fuzz="^$$name\$$" -fuzztime=$(FUZZTIME) "./$$(dirname "$$file")" || exit 1; \
	done

##  Clean

.PHONY: clean
clean: ## Remove what was built
	rm -rf bin dist demo/out

.PHONY: distclean
distclean: clean ## Remove the installed tools, too
	rm -rf .tools .venv

# golangci-lint has dependencies by the hundred: it is built by itself, never as a part of this module.
$(GOLANGCI_LINT):
	@echo "building golangci-lint $(GOLANGCI_LINT_VERSION), once; this takes some minutes"
	@mkdir -p $(@D)
	GOBIN='$(CURDIR)/$(@D)' GOFLAGS=-mod=mod go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)
	@mv $(@D)/golangci-lint $@

# need-go fails with advice when there is no go on the PATH.
need-%:
	@command -v $* >/dev/null || { echo "$* is not on the PATH: install it and try again" >&2; exit 1; }
