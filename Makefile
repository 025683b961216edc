# Every chore of this repository is one target here, and continuous integration runs nothing else.
# Plain `make` lists them. A clone needs Go, make, git and gcc (for the race detector).

SHELL       := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

ARGS     ?=
PKG      ?= ./...
COUNT    ?= 10
FUZZTIME ?= 20s

# Modules nested in this one, such as the benchmarks, which compare with modules we do not depend on.
NESTED := $(patsubst %/go.mod,%,$(wildcard internal/*/go.mod))

LINT_VERSION := v2.15.0
VULN_VERSION := v1.9.0
LINT         := .tools/golangci-lint-$(LINT_VERSION)/golangci-lint

.PHONY: help
help: ## Print this list.
	@awk -F ':.*## ' '/^[a-z][a-z\/-]*:.*## / { printf "make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build the programs into bin/.
	go build -o bin/ ./cmd/...

.PHONY: demo
demo: bin/theriac bin/incidentd ## See it work: messages, poison among them, and an incident from its cause to its close. With ARGS the first alone.
	@bin/theriac demo $(ARGS)
	@$(if $(ARGS),,echo; bin/incidentd demo)

.PHONY: demo/stay
demo/stay: bin/theriac ## Run the demo of messages and keep it running, its data in theriac-data, to try the commands on what it holds.
	@bin/theriac demo --stay --data-dir theriac-data $(ARGS)

.PHONY: run
run: bin/incidentd bin/theriac ## Run the incident service, its data in theriac-data. It prints where it is, and a first admin token once.
	@bin/incidentd all --data-dir theriac-data $(ARGS)

.PHONY: drill
drill: bin/theriac ## The game day: let a service die in every way a message can kill it. ARGS="--json" and others are passed on.
	@bin/theriac drill $(ARGS)

.PHONY: evidence
evidence: bin/theriac ## Prove that evidence arrives: 1,000 panics and 200 deaths, each told of once, each span ended. ARGS="--json" and others are passed on.
	@bin/theriac drill evidence $(ARGS)

.PHONY: drill/incidents
drill/incidents: bin/theriac ## Drive the incident service: latency, random lives with kills, isolation. ARGS="lives --incidents 10000" and others are passed on.
	@bin/theriac drill incidents $(ARGS)

# The go command knows whether anything changed; make does not try to.
.PHONY: bin/theriac bin/incidentd
bin/theriac bin/incidentd:
	@go build -o bin/ ./cmd/$(@F)

# The stores' suites take two minutes each with the race detector, and a machine that is busy with as many
# packages as it has processors takes a multiple of that: Go's own limit of 10 minutes has cut one off.
.PHONY: test
test: ## Run every test with the race detector. Servers that tests need are started by the tests.
	go test -race -timeout=30m $(PKG)

.PHONY: test/nested
test/nested: ## Run the tests of the modules nested in this one: that the benchmarks measure what they say.
	for dir in $(NESTED); do (cd $$dir && go test ./...); done

.PHONY: test/race
test/race: ## Hunt for rare failures: shuffled, COUNT times, race detector on. Narrow it with PKG=./consumer/...
	go test -race -shuffle=on -count=$(COUNT) -timeout=60m $(PKG)

.PHONY: lint
lint: tools ## Look for mistakes: go vet, and the linters of .golangci.yml.
	go vet ./...
	for dir in $(NESTED); do (cd $$dir && go vet ./...); done
	$(LINT) run ./...

.PHONY: bench
bench: ## Compare with the raw client and others, side by side. ARGS="--json" prints one object at the end.
	@cd internal/bench && go run . $(ARGS)

.PHONY: fuzz
fuzz: ## Run every fuzz target for FUZZTIME each.
	@grep -rHo --include='*_test.go' --exclude-dir=testdata '^func Fuzz[A-Za-z0-9_]*' . | sort \
	| while IFS=: read -r file declaration; do \
		echo "$$file $${declaration#func }"; \
		(cd "$$(dirname "$$file")" && go test -run='^$$' -fuzz="^$${declaration#func }$$" -fuzztime=$(FUZZTIME) .); \
	done

.PHONY: generate
generate: ## Write generated files anew.
	go generate ./...

# The state of the work tree, edits not yet committed included: equal before and after means unchanged.
TREE_STATE = { git status --porcelain; git diff; } | git hash-object --stdin

.PHONY: verify
verify: ## Fail if a file is not formatted, go.mod is not tidy, or a generated file is not what its source says.
	@unformatted=$$(gofmt -l .); [ -z "$$unformatted" ] || { echo "not formatted, run gofmt -w on:"; echo "$$unformatted"; exit 1; }
	go mod verify
	for dir in . $(NESTED); do (cd $$dir && go mod tidy -diff); done
	@before=$$($(TREE_STATE)); $(MAKE) --no-print-directory generate; after=$$($(TREE_STATE)); \
	[ "$$before" = "$$after" ] || { echo "make generate changed files: commit what it wrote"; git status --short; exit 1; }

.PHONY: cross
cross: ## Compile for other systems, without C. The programs need a Unix, the libraries do not.
	CGO_ENABLED=0 GOOS=linux GOARCH=arm64 go build ./...
	CGO_ENABLED=0 GOOS=darwin GOARCH=arm64 go build ./...
	CGO_ENABLED=0 GOOS=windows GOARCH=amd64 go build ./handlers/... ./consumer/... ./quarantine/... ./incident/...
	CGO_ENABLED=0 GOOS=darwin GOARCH=arm64 go vet ./consumer/...
	CGO_ENABLED=0 GOOS=windows GOARCH=amd64 go vet ./consumer/...

.PHONY: vuln
vuln: ## Ask the Go vulnerability database about what this module really calls. Needs the network.
	go run golang.org/x/vuln/cmd/govulncheck@$(VULN_VERSION) ./...

.PHONY: tools
tools: $(LINT) ## Build the linter, pinned by version, into .tools/ (minutes, once).

$(LINT):
	GOBIN=$(CURDIR)/$(@D) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)

.PHONY: shape
shape: ## Print medians and the ten largest files, functions and interfaces, to talk about.
	@go run ./internal/shape
