# Every command that working on grpcservice takes. It needs Go, git and make; the other tools are built from tools/go.mod.

BIN := $(CURDIR)/.bin
# The plugins of this checkout come before any that the machine has.
export PATH := $(BIN):$(PATH)

# All Go commands build with these settings, also those that tests start. Build results then do not
# depend on where a module lies, so all modules, tests and checkouts share one build cache. Only the
# race detector needs cgo.
export GOFLAGS := $(strip $(filter-out -trimpath,$(shell go env GOFLAGS)) -trimpath)
export CGO_ENABLED := 0
# On two busy cores a package can need more than the 10 minutes that go test grants. lint vets.
TEST := go test -timeout 30m -vet=off
RACE := CGO_ENABLED=1 $(TEST) -race
# The packages that only the race detector runs, except for their tests of allocations, which it changes.
RACED := ./runtime/... ./internal/e2e/...
ALLOCATIONS = $(shell git grep --untracked -l '^//go:build !race$$' -- $(RACED:/...=) | grep '_test.go$$')

# The protos of Google, for those of ours that import them.
PROTOS := $(CURDIR)/.protos
# The example's copy of them: a buf module cannot lie outside of its project.
SHOP_PROTOS := $(CURDIR)/examples/shop/.protos
# The modules.
MODULES := . runtime/operation runtime/filter/sqltest internal/deploy/conform internal/foreign examples/shop examples/versions benchmarks tools
# The protos that somebody may depend on. Those of internal/e2e are nobody's but ours.
PUBLIC_PROTOS := proto examples/shop/proto examples/versions/proto
# What `make breaking` compares with: the last release. Before the first one there is nothing to compare with.
AGAINST ?= $(shell git describe --tags --abbrev=0 --match 'v[0-9]*' 2>/dev/null)
# The tools that tools/go.mod pins.
TOOLS := $(addprefix $(BIN)/,buf grpcurl protoc-gen-go-grpc staticcheck)
# How long `make fuzz` spends on each target.
FUZZTIME ?= 10s
# How long `make soak` spends on each test.
SOAKTIME ?= 1m

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: generate-shop $(BIN)/grpcurl ## Generate the shop, serve it, call every RPC, stop it
	@cd examples/shop && go run ./cmd/demo

.PHONY: test
test: lint breaking test-root test-race test-32bit test-operation test-sql test-foreign test-deploy test-examples test-tools ## Run all checks and all tests

.PHONY: test-root
test-root: $(BIN)/staticcheck $(BIN)/buf $(BIN)/grpcurl $(BIN)/protoc-gen-go ## Run the unit tests, the golden tests and the documentation
	STATICCHECK=$(BIN)/staticcheck $(TEST) $$(go list ./... | grep -v -x -F "$$(go list $(RACED))")
	@tests=$$(sed -n 's/^func \(Test[^(]*\)(.*/\1/p' $(ALLOCATIONS) | sort -u | paste -s -d '|' -); \
	echo "go test -run '$$tests'"; \
	$(TEST) -run "^($$tests)$$" $(sort $(dir $(addprefix ./,$(ALLOCATIONS))))

.PHONY: test-race
test-race: ## Run tests with goroutines under the race detector
	$(RACE) $(RACED)

.PHONY: test-32bit
test-32bit: ## Compile generated code for a 32-bit platform, and run the tests of the runtime on it
	GOARCH=386 go build ./internal/e2e/gen/...
	GOARCH=386 $(TEST) ./runtime/...
	cd runtime/operation && GOARCH=386 go vet ./...

.PHONY: test-operation
test-operation: ## Run the tests of the module for long-running operations
	cd runtime/operation && $(RACE) ./...

.PHONY: test-sql
test-sql: ## Compare filters with the results of PostgreSQL and SQLite
	cd runtime/filter/sqltest && $(TEST) ./...

.PHONY: test-foreign
test-foreign: ## Generate and serve services of OpenTelemetry, Envoy and Google Cloud, and call them with their own clients
	cd internal/foreign && $(TEST) ./...

# PostgreSQL is a package of the system. Everything else that tests start is a Go module.
.PHONY: test-servers
test-servers: ## Install the servers that tests start (Debian, as root)
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y postgresql; }

.PHONY: test-deploy
test-deploy: ## Decode the manifests into the types of Kubernetes and Istio
	cd internal/deploy/conform && $(TEST) ./...

.PHONY: test-examples
test-examples: $(BIN)/buf ## Run the tests of the examples
	cd examples/shop && $(RACE) -count=1 ./... # Go's cache does not see the programs that the tests build
	cd examples/versions && $(RACE) -count=1 ./... # nor buf

.PHONY: test-tools
test-tools: $(BIN)/buf ## Test the tools, and compare go.mod files with advisories
	cd tools && $(TEST) -count=1 ./... # Go's cache does not see the go.mod files of other modules

.PHONY: test-newest
test-newest: ## Run the tests with the newest grpc
	@mkdir -p $(BIN)
	cp go.mod $(BIN)/newest.mod
	cp go.sum $(BIN)/newest.sum
	go get -modfile=$(BIN)/newest.mod google.golang.org/grpc@latest
	$(TEST) -modfile=$(BIN)/newest.mod -mod=mod $(RACED)

# The tools are nobody's dependency. govulncheck is not among them, because it asks a database that .ci/run cannot reach.
.PHONY: vulnerabilities
vulnerabilities: ## Query the Go vulnerability database for every module (needs the internet)
	@mkdir -p $(BIN)
	@cd tools && go build -o $(BIN)/advisories ./advisories && GOBIN=$(BIN) go install golang.org/x/vuln/cmd/govulncheck@v1.9.0
	@for module in $(filter-out tools,$(MODULES)); do \
		echo "govulncheck: $$module"; \
		(cd $$module && $(BIN)/govulncheck -format json ./... | $(BIN)/advisories) || exit 1; \
	done

# What a fuzz target finds is written to its testdata/fuzz. A run that fails without that was ended by go test itself, as it does
# now and then when the time is up in the middle of an input; it gets a second chance.
.PHONY: fuzz
fuzz: ## Fuzz each target for FUZZTIME (10s)
	@run() { (cd "$$2" && $(TEST) -run '^$$' -fuzz "^$$1$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x .); }; \
	for dir in $$(git grep --untracked -l '^func Fuzz' -- '*_test.go' | xargs -n 1 dirname | sort -u); do \
		for target in $$(sed -n 's/^func \(Fuzz[^(]*\)(.*/\1/p' $$dir/*_test.go); do \
			run $$target $$dir || { [ -z "$$(git status --porcelain -- $$dir/testdata/fuzz)" ] && run $$target $$dir; } || exit 1; \
		done; \
	done

# In the ordinary tests, these tests take seconds. SOAK tells them how long they take here.
.PHONY: soak
soak: ## Run the tests with random failures for SOAKTIME (1m) each
	SOAK=$(SOAKTIME) $(RACE) -count=1 -v -run '^TestSoak' $$(git grep --untracked -l '^func TestSoak' -- '*_test.go' | xargs -n 1 dirname | sort -u | sed 's|^|./|')

.PHONY: bench
bench: ## Compare the cost of calls and page tokens with other libraries
	cd benchmarks && go run .

.PHONY: lint
lint: $(BIN)/staticcheck $(BIN)/buf protos ## Check the style of Go and proto files
	@unformatted=$$("$$(go env GOROOT)/bin/gofmt" -l .); if [ -n "$$unformatted" ]; then echo "gofmt -w these:"; echo "$$unformatted"; exit 1; fi
	@for module in $(MODULES); do \
		echo "go mod tidy: $$module"; \
		(cd $$module && go mod tidy -diff) || exit 1; \
	done
	@for module in $(MODULES); do \
		echo "go vet, staticcheck: $$module"; \
		(cd $$module && go vet ./... && $(BIN)/staticcheck ./...) || exit 1; \
	done
	go vet -tags protoopaque ./internal/e2e/gen/...
	@for project in . examples/shop examples/versions; do \
		echo "buf lint, buf format: $$project"; \
		(cd $$project && $(BIN)/buf lint && $(BIN)/buf format --diff --exit-code) || exit 1; \
	done

# A commit has not the protos of Google, which are not committed, so it is compared as files beside a copy of them.
.PHONY: breaking
breaking: $(BIN)/buf protos ## Check that the public protos are compatible with AGAINST (default: the last release)
	@[ -n "$(AGAINST)" ] || { echo "buf breaking: nothing is released, so nothing can break"; exit 0; }; \
	git rev-parse --verify --quiet "$(AGAINST)^{commit}" >/dev/null || { echo "AGAINST=$(AGAINST): there is no such commit"; exit 1; }; \
	before=$$(mktemp -d); trap 'rm -rf "$$before"' EXIT; \
	git archive "$(AGAINST)" | tar -x -C "$$before"; \
	cp -R $(PROTOS) "$$before/"; cp -R $(SHOP_PROTOS) "$$before/examples/shop/"; \
	for protos in $(PUBLIC_PROTOS); do \
		if ! [ -e "$$before/$$protos" ]; then \
			echo "buf breaking: $(AGAINST) has no $$protos, so nothing can break"; \
			continue; \
		fi; \
		echo "buf breaking: $$protos against $(AGAINST)"; \
		$(BIN)/buf breaking $$protos --exclude-imports --against "$$before/$$protos" || exit 1; \
	done

.PHONY: generate
generate: tools plugin protos generate-shop ## Generate the options, the code of internal/e2e and of the examples
	$(BIN)/buf generate --template buf.gen.options.yaml
	$(BIN)/buf generate
	$(BIN)/buf generate --template buf.gen.google.yaml
	cd examples/versions && $(BIN)/buf generate

.PHONY: generate-shop
generate-shop: $(BIN)/buf $(BIN)/protoc-gen-go plugin protos ## Generate the code of the example shop
	cd examples/shop && $(BIN)/protoc-gen-grpcservice --export third_party && $(BIN)/buf generate

.PHONY: protos
protos: $(PROTOS)/.written $(SHOP_PROTOS)/.written ## Write Google's protos to .protos if they have changed

$(PROTOS)/.written: $(BIN)/buf tools/go.mod tools/go.sum $(wildcard tools/googleprotos/*.go)
	rm -rf $(PROTOS)
	cd tools && go run ./googleprotos $(PROTOS)
	$(BIN)/buf format -w $(PROTOS)
	@touch $@

$(SHOP_PROTOS)/.written: $(PROTOS)/.written
	rm -rf $(SHOP_PROTOS)
	cp -R $(PROTOS) $(SHOP_PROTOS)
	cd examples/shop && $(BIN)/buf format -w .protos
	@touch $@

.PHONY: plugin
plugin: ## Build protoc-gen-grpcservice
	go build -o $(BIN)/protoc-gen-grpcservice ./cmd/protoc-gen-grpcservice

.PHONY: tools
tools: $(TOOLS) $(BIN)/protoc-gen-go ## Build the pinned tools if they have changed

# Each target names the tools that it needs, because the first build of all takes minutes.
$(TOOLS): tools/go.mod tools/go.sum
	@echo "building $(@F) as tools/go.mod pins it; the first time takes a minute or two"
	@cd tools && GOBIN=$(BIN) go install $$(go list tool | grep '/$(@F)$$')
	@touch $@

# Not among the tools, because it must have the version of the protobuf runtime that its output is compiled with here.
$(BIN)/protoc-gen-go: go.mod go.sum
	go build -o $@ google.golang.org/protobuf/cmd/protoc-gen-go
	@touch $@

.PHONY: clean
clean: ## Remove the tools and their output
	rm -rf $(BIN) $(PROTOS) $(SHOP_PROTOS)
