# Everything a contributor runs. `make` alone lists the targets.

GOLANGCI_LINT_VERSION := v2.15.0
GOLANGCI_LINT := .tools/bin/golangci-lint-$(GOLANGCI_LINT_VERSION)
GOVULNCHECK_VERSION := v1.9.0
GOVULNCHECK := .tools/bin/govulncheck-$(GOVULNCHECK_VERSION)
GORELEASER_VERSION := v2.13.3
GORELEASER := .tools/bin/goreleaser-$(GORELEASER_VERSION)
ACTIONLINT_VERSION := v1.7.12
ACTIONLINT := .tools/bin/actionlint-$(ACTIONLINT_VERSION)
CYCLONEDX_VERSION := v1.10.0
CYCLONEDX := .tools/bin/cyclonedx-gomod-$(CYCLONEDX_VERSION)

# What --version prints: metadata.yaml's version, with the commit where it is not a release.
VERSION := $(shell packaging/version)

MODULE := github.com/tap-confluence/tap-confluence

# Static, without paths of this machine, and the same bytes for the same commit everywhere.
BUILD = CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '-s -w -X $(MODULE)/tap.version=$(VERSION)'

# Where Go files are; not the directories of tools and Python packages.
GO_DIRS = cmd tap schemas catalog internal

# A number of runs: at the end of a time, Go 1.26 now and then takes its own deadline for a failure
# (https://go.dev/issue/75804).
FUZZTIME ?= 100000x
BENCHTIME ?= 1s
BENCH ?= .
COUNT ?= 1
BENCH_FLAGS ?=
CHAOS_TIME ?= 1h
SEED ?=

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
demo: build build-site ## Load a simulated site into DuckDB, compare every table with the truth, draw it (EXTRA=1: all streams)
	@demo/duckdb.sh
	@demo/markdown.sh

.PHONY: demo-postgres
demo-postgres: build build-site ## The same into a temporary Postgres server, twice
	@demo/postgres.sh

.PHONY: demo-markdown
demo-markdown: build build-site ## Print a page of a simulated site as Markdown
	@demo/markdown.sh

##  Check

# The tests come last, so that the last lines are theirs. Under the race detector collecting garbage is dear.
.PHONY: test
test: lint ## Run every check: format, vet, lint, modules, a short run of each fuzz target, tests with -race
	go mod verify
	go mod tidy -diff
	@$(MAKE) --no-print-directory fuzz FUZZTIME=1000x
	GOGC=400 go test -race -shuffle=on -count=1 -timeout 20m ./...

.PHONY: acceptance
acceptance: build build-site ## Run clients and test suites that others wrote on the program (CLIENTS=name...)
	@acceptance/run.sh $(CLIENTS)

.PHONY: packages
packages: ## Install the Debian packages that acceptance and image-test want, as root
	@packaging/packages.sh

.PHONY: lint
lint: need-go $(GOLANGCI_LINT) $(ACTIONLINT) ## Check format, go vet, golangci-lint (the order of imports, too), workflows
	@unformatted=$$(gofmt -l $(wildcard $(GO_DIRS))) && \
	if [ -n "$$unformatted" ]; then echo "gofmt would change:"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	$(GOLANGCI_LINT) run ./...
	$(ACTIONLINT) -shellcheck= -pyflakes=

# Not a part of make test: it asks vuln.go.dev, and what it says changes without a change here.
.PHONY: vulns
vulns: need-go $(GOVULNCHECK) ## Look up known weaknesses of the libraries and of Go (asks vuln.go.dev)
	$(GOVULNCHECK) $(VULNFLAGS) ./...

.PHONY: requests
requests: need-go ## Count the requests of full, incremental and plain syncs of 10,000 pages
	go run ./internal/bench requests

# Built beside the tap, and measured with it.
.PHONY: build-bench
build-bench: build
	CGO_ENABLED=0 go build -trimpath -o bin/ ./internal/bench ./internal/bench/floor ./internal/bench/profiled
	@bench/environments.sh

.PHONY: bench
bench: build-bench ## Measure CPU, memory and time beside net/http, Python and Airbyte's CDK (BENCH_FLAGS=...)
	bin/bench all $(BENCH_FLAGS)

.PHONY: bench-docs
bench-docs: build-bench ## The same, written into the tables and the picture of docs/performance.md
	bin/bench all -docs docs/performance.md $(BENCH_FLAGS)

.PHONY: microbench
microbench: need-go ## Run Go's benchmarks, ready for benchstat (BENCH=regexp, BENCHTIME=1s, COUNT=1)
	go test -run='^$$' -bench='$(BENCH)' -benchtime=$(BENCHTIME) -count=$(COUNT) -benchmem ./...

.PHONY: torture
torture: need-go ## Run every cut and every fault in every mode, a million pages, and print the matrix (up to 30 minutes)
	@mkdir -p bin
	go test -count=1 -timeout 30m ./tap ./tap/engine -torture
	go test -count=1 -timeout 30m ./internal/torture -torture -matrix '$(CURDIR)/bin/faults.md'
	@cat bin/faults.md bin/faults-refusals.md

# With a seed it runs that trial alone; without one it starts at a seed of its own.
.PHONY: chaos
chaos: need-go ## Check random chains of runs against a site's history (CHAOS_TIME=1h; SEED=n repeats one)
	go test -count=1 -timeout 0 ./internal/chaos -run TestChaos -v $(if $(SEED),-chaos.seed $(SEED) -chaos.v,-chaos.time $(CHAOS_TIME) -chaos.seed $$(date +%s))

.PHONY: fuzz
fuzz: need-go ## Run each fuzz target for a while (FUZZTIME=100000x)
	@grep -roE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' $(wildcard $(GO_DIRS)) | sed 's/:func / /' | sort | \
	while read -r file name; do \
		echo "== $$name in $$(dirname "$$file")"; \
		go test -run='^$$' -fuzz="^$$name\$$" -fuzztime=$(FUZZTIME) -fuzzminimizetime=100x "./$$(dirname "$$file")" || exit 1; \
	done

##  Release

.PHONY: image-test
image-test: need-go ## Build the container image with buildah, as root, and run it against a simulated site
	packaging/image-test.sh

.PHONY: wheels
wheels: need-go ## Build the Python wheels of all platforms into dist/wheels, install this machine's and run it
	rm -rf dist/wheels
	python3 packaging/wheels.py --version "$$(packaging/version)" --out dist/wheels $$(packaging/build.sh dist/programs)
	packaging/wheels-test.sh dist/wheels

.PHONY: release-check
release-check: need-go $(GORELEASER) $(CYCLONEDX) ## Try a release, and that the same commit gives the same bytes
	GORELEASER=$(GORELEASER) CYCLONEDX=$(CYCLONEDX) packaging/release-check.sh

# The release workflow runs it on a tag, after release-check. goreleaser looks for cyclonedx-gomod on the PATH.
.PHONY: release
release: need-go $(GORELEASER) $(CYCLONEDX) ## Publish archives, checksums, bills of materials and the image of a tag
	ln -sf $(notdir $(CYCLONEDX)) .tools/bin/cyclonedx-gomod
	PATH='$(CURDIR)/.tools/bin':"$$PATH" $(GORELEASER) release

##  Clean

.PHONY: clean
clean: ## Remove what was built
	rm -rf bin dist demo/out acceptance/out

.PHONY: distclean
distclean: clean ## Remove the installed tools, too
	rm -rf .tools .venv

# golangci-lint has dependencies by the hundred: it is built by itself, never as a part of this module.
$(GOLANGCI_LINT):
	@echo "building golangci-lint $(GOLANGCI_LINT_VERSION), once; this takes some minutes"
	@mkdir -p $(@D)
	GOBIN='$(CURDIR)/$(@D)' GOFLAGS=-mod=mod go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)
	@mv $(@D)/golangci-lint $@

# The same for what makes releases.
$(GORELEASER):
	@echo "building goreleaser $(GORELEASER_VERSION), once; this takes some minutes"
	@mkdir -p $(@D)
	GOBIN='$(CURDIR)/$(@D)' GOFLAGS=-mod=mod go install github.com/goreleaser/goreleaser/v2@$(GORELEASER_VERSION)
	@mv $(@D)/goreleaser $@

$(GOVULNCHECK):
	@mkdir -p $(@D)
	GOBIN='$(CURDIR)/$(@D)' GOFLAGS=-mod=mod go install golang.org/x/vuln/cmd/govulncheck@$(GOVULNCHECK_VERSION)
	@mv $(@D)/govulncheck $@

$(ACTIONLINT):
	@mkdir -p $(@D)
	GOBIN='$(CURDIR)/$(@D)' GOFLAGS=-mod=mod go install github.com/rhysd/actionlint/cmd/actionlint@$(ACTIONLINT_VERSION)
	@mv $(@D)/actionlint $@

$(CYCLONEDX):
	@mkdir -p $(@D)
	GOBIN='$(CURDIR)/$(@D)' GOFLAGS=-mod=mod go install github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@$(CYCLONEDX_VERSION)
	@mv $(@D)/cyclonedx-gomod $@

# need-go fails with advice when there is no go on the PATH.
need-%:
	@command -v $* >/dev/null || { echo "$* is not on the PATH: install it and try again" >&2; exit 1; }
