# All commands for working on grpcservice. They need Go, git and make; other tools are built from
# tools/go.mod.

BIN := $(CURDIR)/.bin
# The plugins of this checkout precede installed ones.
export PATH := $(BIN):$(PATH)

# All Go commands build with these settings, including those that tests start. Build results then
# do not depend on the directory of a module, so all modules, tests and checkouts share one build
# cache. Only the race detector needs cgo.
export GOFLAGS := $(strip $(filter-out -trimpath,$(shell go env GOFLAGS)) -trimpath)
export CGO_ENABLED := 0
# On two busy cores, beside other steps, a package can need more than go test's default of 10 minutes:
# internal/plugin took 26 when nothing was cached. lint vets.
TEST := go test -timeout 45m -vet=off
RACE := CGO_ENABLED=1 $(TEST) -race
# The packages that run only under the race detector, except for their tests of allocations, which
# the detector changes.
# The package whose tests wait longest comes first, so that the others run meanwhile.
RACED := ./runtime/server ./runtime/... ./internal/e2e/...
# The packages that use more of grpc than its documented API, and the behaviour of all packages.
NEAR_GRPC := ./runtime/server ./internal/e2e $(addprefix ./runtime/internal/,childpolicy connpool encoded h2conn heldheader \
	incoming inprocess msgsize openheader samezone)
ALLOCATIONS = $(shell git grep --untracked -l '^//go:build !race$$' -- $(RACED:/...=) $(patsubst %,':!%',$(filter-out .,$(MODULES))) | grep '_test.go$$')

# The protos of Google and of protovalidate, which protos of this repository import.
PROTOS := $(CURDIR)/.protos
# The examples' copies of them: a buf module must be inside its project.
SHOP_PROTOS := $(CURDIR)/examples/shop/.protos
REST_PROTOS := $(CURDIR)/examples/rest/.protos
# The modules, without those that depend on other frameworks: the first vet of such a module takes
# minutes.
MODULES := . runtime/operation runtime/grpcprom runtime/grpcprom/middlewaretest runtime/grpcotel runtime/grpcotel/sdktest runtime/otlp runtime/redislimit runtime/pgstore runtime/natshub runtime/natshub/natstest runtime/endpointslice runtime/roles runtime/jwtauth runtime/validate runtime/xds runtime/web runtime/mcp runtime/filter/sqltest internal/apidoc/conform internal/chaos internal/conformance internal/deploy/conform internal/docstest/production internal/foreign examples/shop examples/shop/cmd/natsserver examples/versions examples/rest examples/moving benchmarks benchmarks/peers tools
# Those that users import, which a release tags: as isReleased in tools/release.
RELEASED := $(filter-out %test,$(filter . runtime/%,$(MODULES)))
# All checks and tests, those that take longest first. Many tests wait more than they compute, so
# several run at a time; a step prints its output when it has ended. What needs a tool that is not
# built would start last.
CHECKS := test-race test-root lint test-chaos test-examples test-redis test-pgstore test-nats test-conformance test-xds test-web test-mcp test-endpointslice test-deploy test-apidoc breaking test-operation test-prometheus test-otel test-otlp test-roles test-jwtauth test-validate test-sql test-foreign test-production test-benchmarks platforms test-tools
JOBS ?= 3
# The packages that count in 64 bits or pack bytes; others are only compiled for 32 bits.
COUNTING := $(addprefix ./runtime/,batch digest eventlog filter hub idempotency limit page seal subscription upload) \
	$(addprefix ./runtime/internal/,bounds fieldrules fieldvalue jsonlog msgsize requestid share uuid)
# The public protos. Those of internal/e2e are private.
PUBLIC_PROTOS := proto examples/shop/proto examples/versions/proto examples/rest/proto examples/moving/proto
# The commit that `make breaking` and `make release-check` compare with: the last release. Without a
# release, they compare nothing.
AGAINST ?= $(shell git describe --tags --abbrev=0 --match 'v[0-9]*' 2>/dev/null)
# The tools that tools/go.mod pins.
TOOLS := $(addprefix $(BIN)/,apidiff buf grpcurl protoc-gen-connect-go protoc-gen-go-grpc protoc-gen-grpc-gateway staticcheck)
# How long `make fuzz` spends on each target, and the directories whose targets it runs; default: all.
FUZZTIME ?= 10s
FUZZDIRS ?=
# How long `make soak` spends on each test.
SOAKTIME ?= 1m

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: generate-shop $(BIN)/grpcurl ## Generate the shop, serve it, call every RPC, stop it
	@cd examples/shop && go run ./cmd/demo

.PHONY: test
test: tools protos ## Run all checks and all tests
	@$(MAKE) --jobs=$(JOBS) --output-sync=target --keep-going $(CHECKS)

.PHONY: test-root
test-root: $(BIN)/staticcheck $(BIN)/buf $(BIN)/grpcurl $(BIN)/protoc-gen-go ## Run the unit tests, the golden tests and the documentation
	STATICCHECK=$(BIN)/staticcheck $(TEST) ./internal/plugin $$(go list ./... | grep -v -x -F "$$(go list $(RACED))")
	@tests=$$(sed -n 's/^func \(Test[^(]*\)(.*/\1/p' $(ALLOCATIONS) | sort -u | paste -s -d '|' -); \
	echo "go test -run '$$tests'"; \
	$(TEST) -run "^($$tests)$$" $(sort $(dir $(addprefix ./,$(ALLOCATIONS))))

.PHONY: test-race
test-race: ## Run tests with goroutines under the race detector
	$(RACE) $(RACED)

.PHONY: test-32bit
test-32bit: ## Compile generated code and the runtime for a 32-bit platform, and run the tests of what counts on it
	GOARCH=386 go vet ./internal/e2e/gen/... ./runtime/...
	GOARCH=386 $(TEST) $(COUNTING)
	cd runtime/operation && GOARCH=386 go vet ./...
	cd runtime/jwtauth && GOARCH=386 go vet ./...

.PHONY: test-operation
test-operation: ## Run the tests of the module for long-running operations
	cd runtime/operation && $(RACE) ./...

.PHONY: test-prometheus
test-prometheus: ## Run the tests of the module for Prometheus, those of allocations without the race detector
	cd runtime/grpcprom && $(RACE) ./... && $(TEST) -run 'Alloc|Memory' .
	cd runtime/grpcprom/middlewaretest && $(TEST) ./...

.PHONY: test-otel
test-otel: ## Run the tests of the module for OpenTelemetry, those of allocations without the race detector
	cd runtime/grpcotel && $(RACE) ./...
	cd runtime/grpcotel/sdktest && $(RACE) ./... && $(TEST) -run Alloc .

.PHONY: test-otlp
test-otlp: ## Run the tests of the module that sends spans to a collector
	cd runtime/otlp && $(RACE) ./...

.PHONY: test-jwtauth
test-jwtauth: ## Run the tests of the module for JSON Web Tokens
	cd runtime/jwtauth && $(RACE) ./...
	cd runtime/jwtauth && $(TEST) -run '^(TestAllocations|TestBadTokensLeaveNothing)' .

.PHONY: test-redis
test-redis: ## Run the tests of the module for rates in Redis, those of allocations without the race detector
	cd runtime/redislimit && $(RACE) ./... && $(TEST) -run Alloc .

.PHONY: test-nats
test-nats: ## Run the tests of the module for rooms, logs and presence on NATS, against servers in the test
	cd runtime/natshub && $(RACE) ./...
	cd runtime/natshub/natstest && $(RACE) ./...

.PHONY: test-validate
test-validate: ## Run the tests of the module for rules of buf.validate, those of memory without the race detector
	cd runtime/validate && $(RACE) ./... && $(TEST) -run 'Alloc|Memory' .

.PHONY: test-pgstore
test-pgstore: ## Run the tests of the module that keeps state in PostgreSQL
	cd runtime/pgstore && $(RACE) ./...

.PHONY: test-endpointslice
test-endpointslice: ## Run the tests of the module that follows the pods of Kubernetes
	cd runtime/endpointslice && $(RACE) ./...

.PHONY: test-mcp
test-mcp: ## Run the tests of the module that serves RPCs as tools for agents
	cd runtime/mcp && $(RACE) ./...

.PHONY: test-xds
test-xds: ## Run the tests of the module for xDS and load reports
	cd runtime/xds && $(RACE) ./...

.PHONY: test-web
test-web: $(BIN)/buf $(BIN)/grpcurl ## Run the tests of the module that serves HTTP
	cd runtime/web && $(RACE) ./...

.PHONY: test-roles
test-roles: ## Run the tests of the module for roles
	cd runtime/roles && $(RACE) ./... && $(TEST) -run Allocate .

.PHONY: test-sql
test-sql: ## Compare filters with the results of PostgreSQL and SQLite
	cd runtime/filter/sqltest && $(TEST) ./...

.PHONY: test-chaos
test-chaos: ## Kill, stop and cut off replicas with PostgreSQL and NATS, and check what clients saw
	cd internal/chaos && $(RACE) ./history ./judge ./faults && $(TEST) -count=1 -v . ./replica

# The long form. CHAOS=TestOperations runs one of its tests, GRPCSERVICE_CHAOS_SEED repeats faults.
CHAOS ?= .
.PHONY: chaos
chaos: ## Do so with 10,000 operations and 100 kills, for half an hour or longer
	cd internal/chaos && GRPCSERVICE_CHAOS=long $(TEST) -timeout 4h -count=1 -v -run '$(CHAOS)' .

.PHONY: test-foreign
test-foreign: ## Generate and serve services of OpenTelemetry, Envoy and Google Cloud, and call them with their own clients
	cd internal/foreign && $(TEST) ./...

.PHONY: test-conformance
test-conformance: ## Run the conformance suite of ConnectRPC against a generated server and client
	cd internal/conformance && $(TEST) . && $(RACE) ./suite

# These are packages of the system. Everything else that tests start is a Go module. policy-rc.d keeps
# Debian from starting services, which the tests do not need.
.PHONY: test-servers
test-servers: ## Install the servers that tests start (Debian, as root)
	@missing=; \
	ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="$$missing postgresql"; \
	command -v redis-server >/dev/null || missing="$$missing redis-server"; \
	command -v prometheus >/dev/null && command -v promtool >/dev/null || missing="$$missing prometheus"; \
	command -v chromium >/dev/null || missing="$$missing chromium"; \
	command -v curl >/dev/null || missing="$$missing curl"; \
	command -v node >/dev/null || missing="$$missing nodejs"; \
	command -v npm >/dev/null || missing="$$missing npm"; \
	command -v protoc >/dev/null || missing="$$missing protobuf-compiler"; \
	command -v grpc_python_plugin >/dev/null || missing="$$missing protobuf-compiler-grpc"; \
	/usr/bin/python3 -c 'import grpc, google.protobuf' 2>/dev/null || missing="$$missing python3-grpcio python3-protobuf"; \
	ls /usr/lib/*/faketime/libfaketime.so.1 >/dev/null 2>&1 || missing="$$missing libfaketime"; \
	[ -n "$$missing" ] || exit 0; \
	policy=/usr/sbin/policy-rc.d; \
	if ! [ -e $$policy ]; then \
		trap "rm -f $$policy" EXIT; \
		printf '#!/bin/sh\nexit 101\n' > $$policy && chmod +x $$policy || exit 1; \
	fi; \
	apt-get update && DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y $$missing

.PHONY: test-deploy
test-deploy: ## Decode the manifests into the types of Kubernetes and Istio
	cd internal/deploy/conform && $(TEST) ./...

.PHONY: test-apidoc
test-apidoc: ## Parse API references as GitHub and browsers do
	cd internal/apidoc/conform && $(TEST) -count=1 ./... # Go's cache does not see the references of other modules

.PHONY: test-production
test-production: ## Run the program of docs/production.md
	cd internal/docstest/production && $(TEST) ./...

.PHONY: test-examples
test-examples: $(BIN)/buf protos ## Run the tests of the examples
	cd examples/shop && $(TEST) -count=1 ./... # Go's cache does not see the programs that the tests build
	cd examples/shop/cmd/natsserver && go vet ./...
	cd examples/versions && $(TEST) -count=1 ./... # nor buf
	cd examples/moving && $(TEST) ./...
	cd examples/moving/frameworks && go mod tidy -diff && $(TEST) -count=1 ./... # as for versions
	cd examples/rest && $(TEST) -count=1 ./... # nor the page whose commands the tests run

.PHONY: test-benchmarks
test-benchmarks: ## Measure servers as make bench does, briefly: allocations, and the CPU time within wide bounds
	cd benchmarks && $(TEST) ./...

.PHONY: test-tools
test-tools: $(BIN)/buf ## Test the tools, and compare go.mod files with advisories
	cd tools && $(TEST) -count=1 ./... # Go's cache does not see the go.mod files of other modules

.PHONY: test-versions
test-versions: ## Vet the released modules and test the runtime with the version of Go in PATH
	@go version
	@for module in $(RELEASED); do \
		echo "go vet: $$module"; \
		(cd $$module && go vet ./...) || exit 1; \
	done
	$(TEST) ./runtime/... ./internal/e2e/...

.PHONY: test-newest
test-newest: ## Run the tests with the newest grpc
	@mkdir -p $(BIN)
	cp go.mod $(BIN)/newest.mod
	cp go.sum $(BIN)/newest.sum
	go get -modfile=$(BIN)/newest.mod google.golang.org/grpc@latest
	$(TEST) -modfile=$(BIN)/newest.mod -mod=mod $(NEAR_GRPC)

# The tools are not dependencies of any module. govulncheck is not among them, because it queries a
# database that .ci/run cannot reach.
.PHONY: vulnerabilities
vulnerabilities: ## Query the Go vulnerability database for every module (needs the internet)
	@mkdir -p $(BIN)
	@cd tools && go build -o $(BIN)/advisories ./advisories && GOBIN=$(BIN) go install golang.org/x/vuln/cmd/govulncheck@v1.9.0
	@for module in $(filter-out tools,$(MODULES)); do \
		echo "govulncheck: $$module"; \
		(cd $$module && $(BIN)/govulncheck -format json ./... | $(BIN)/advisories) || exit 1; \
	done

# A fuzz target writes its findings to its testdata/fuzz. If a run fails without a finding, go test
# has ended it, as it sometimes does when the time is up in the middle of an input; the run is
# repeated once.
.PHONY: fuzz
fuzz: ## Fuzz each target for FUZZTIME (10s)
	@run() { (cd "$$2" && $(TEST) -run '^$$' -fuzz "^$$1$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x .); }; \
	dirs="$(FUZZDIRS)"; \
	for dir in $${dirs:-$$(git grep --untracked -l '^func Fuzz' -- '*_test.go' | xargs -n 1 dirname | sort -u)}; do \
		for target in $$(sed -n 's/^func \(Fuzz[^(]*\)(.*/\1/p' $$dir/*_test.go); do \
			run $$target $$dir || { [ -z "$$(git status --porcelain -- $$dir/testdata/fuzz)" ] && run $$target $$dir; } || exit 1; \
		done; \
	done

# In the ordinary tests, these tests take seconds. Here, SOAK sets their duration. A directory may be
# in a separate module.
.PHONY: soak
soak: ## Run the tests with random failures for SOAKTIME (1m) each
	@for dir in $$(git grep --untracked -l '^func TestSoak' -- '*_test.go' | xargs -n 1 dirname | sort -u); do \
		echo "go test -run '^TestSoak' ./$$dir"; \
		(cd $$dir && SOAK=$(SOAKTIME) $(RACE) -count=1 -v -run '^TestSoak' .) || exit 1; \
	done

# The servers of other frameworks are modules that are not in MODULES: the first build of all takes
# minutes, and no test needs them.
.PHONY: bench
bench: ## Measure what docs/performance.md and docs/web.md show, with servers of other frameworks, and write their figures
	cd benchmarks && go run . -pairs 41 -page ../docs/performance.md
	cd benchmarks && go run . -web -pairs 41 -page ../docs/web.md

.PHONY: lint
lint: $(BIN)/staticcheck $(BIN)/buf $(BIN)/actionlint protos ## Check the style of Go and proto files, and the workflows
	$(BIN)/actionlint -shellcheck= -pyflakes=
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
	@for project in . examples/shop examples/versions examples/rest examples/moving benchmarks/peers; do \
		echo "buf lint, buf format: $$project"; \
		(cd $$project && $(BIN)/buf lint && $(BIN)/buf format --diff --exit-code) || exit 1; \
	done

# Google's protos are not committed, so the other commit is checked out beside a copy of them.
.PHONY: breaking
breaking: $(BIN)/buf protos ## Check that the public protos are compatible with AGAINST (default: the last release)
	@[ -n "$(AGAINST)" ] || { echo "buf breaking: nothing is released, so nothing can break"; exit 0; }; \
	git rev-parse --verify --quiet "$(AGAINST)^{commit}" >/dev/null || { echo "AGAINST=$(AGAINST): there is no such commit"; exit 1; }; \
	before=$$(mktemp -d); trap 'rm -rf "$$before"' EXIT; \
	git archive "$(AGAINST)" | tar -x -C "$$before"; \
	cp -R $(PROTOS) "$$before/"; cp -R $(SHOP_PROTOS) "$$before/examples/shop/"; \
	if [ -e "$$before/examples/rest" ]; then cp -R $(REST_PROTOS) "$$before/examples/rest/"; fi; \
	for protos in $(PUBLIC_PROTOS); do \
		if ! [ -e "$$before/$$protos" ]; then \
			echo "buf breaking: $(AGAINST) has no $$protos, so nothing can break"; \
			continue; \
		fi; \
		echo "buf breaking: $$protos against $(AGAINST)"; \
		$(BIN)/buf breaking $$protos --exclude-imports --against "$$before/$$protos" || exit 1; \
	done

# A minor version before 1.0 may have incompatible changes, so this is not one of CHECKS.
.PHONY: release-check
release-check: $(BIN)/apidiff ## Check that the API of the released modules is compatible with AGAINST
	@[ -n "$(AGAINST)" ] || { echo "apidiff: nothing is released, so nothing can break"; exit 0; }; \
	git rev-parse --verify --quiet "$(AGAINST)^{commit}" >/dev/null || { echo "AGAINST=$(AGAINST): there is no such commit"; exit 1; }; \
	before=$$(mktemp -d); trap 'rm -rf "$$before"' EXIT; \
	git archive "$(AGAINST)" | tar -x -C "$$before"; \
	broken=; \
	for module in $(RELEASED); do \
		if ! [ -e "$$before/$$module/go.mod" ]; then \
			echo "apidiff: $(AGAINST) has no module $$module, so nothing can break"; \
			continue; \
		fi; \
		path=$$(cd $$module && go list -m) || exit 1; \
		echo "apidiff: $$path against $(AGAINST)"; \
		(cd "$$before/$$module" && $(BIN)/apidiff -m -w "$$before/before.api" $$path) || exit 1; \
		changes=$$(cd $$module && $(BIN)/apidiff -m -incompatible "$$before/before.api" $$path 2>"$$before/log") || { cat "$$before/log"; exit 1; }; \
		if [ -n "$$changes" ]; then echo "$$changes"; broken=yes; fi; \
	done; \
	[ -z "$$broken" ] || { echo "incompatible with $(AGAINST); revert these changes, or before 1.0 list them in CHANGELOG.md and raise the minor version"; exit 1; }

.PHONY: generate
generate: tools plugin protos generate-shop ## Generate the options, the code that tests need, and that of the examples
	$(BIN)/buf generate --template buf.gen.options.yaml
	$(BIN)/buf generate
	$(BIN)/buf generate --template buf.gen.google.yaml
	$(BIN)/buf generate --template buf.gen.validate.yaml
	$(BIN)/buf generate --template buf.gen.mcp.yaml
	$(BIN)/buf generate --template buf.gen.pgstore.yaml
	cd examples/versions && $(BIN)/buf generate
	cd examples/moving && $(BIN)/buf generate
	cd examples/rest && $(BIN)/buf generate
	cd benchmarks/peers && $(BIN)/buf generate

.PHONY: generate-shop
generate-shop: $(BIN)/buf $(BIN)/protoc-gen-go plugin protos ## Generate the code of the example shop
	cd examples/shop && $(BIN)/protoc-gen-grpcservice --export third_party && $(BIN)/buf generate

.PHONY: protos
protos: $(PROTOS)/.written $(SHOP_PROTOS)/.written $(REST_PROTOS)/.written ## Write the protos of Google and protovalidate to .protos if they have changed

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

$(REST_PROTOS)/.written: $(PROTOS)/.written
	rm -rf $(REST_PROTOS)
	cp -R $(PROTOS) $(REST_PROTOS)
	cd examples/rest && $(BIN)/buf format -w .protos
	@touch $@

.PHONY: plugin
plugin: ## Build protoc-gen-grpcservice
	go build -o $(BIN)/protoc-gen-grpcservice ./cmd/protoc-gen-grpcservice

# The platforms of released binaries, which .goreleaser.yaml repeats. Their tests are those of unix and Windows rules in
# internal/workspace, internal/skeleton and internal/plugin, which run everywhere.
PLATFORMS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64
LDFLAGS := -s -w

.PHONY: platforms
platforms: ## Build protoc-gen-grpcservice for each platform, and start what this machine can
	@for platform in $(PLATFORMS); do \
		os=$${platform%/*} arch=$${platform#*/}; \
		program=$(BIN)/platforms/$$platform/protoc-gen-grpcservice$$([ $$os != windows ] || echo .exe); \
		echo "go build for $$platform"; \
		GOOS=$$os GOARCH=$$arch go build -ldflags '$(LDFLAGS)' -o $$program ./cmd/protoc-gen-grpcservice || exit 1; \
		if [ $$platform = $$(go env GOHOSTOS)/$$(go env GOHOSTARCH) ]; then \
			$$program --version && $$program init --help >/dev/null || exit 1; \
		fi; \
	done

.PHONY: tools
tools: $(TOOLS) $(BIN)/protoc-gen-go ## Build the pinned tools if they have changed

# Each target names the tools that it needs, because the first build of all takes minutes.
$(TOOLS): tools/go.mod tools/go.sum
	@echo "building $(@F) as tools/go.mod pins it; the first time takes a minute or two"
	@cd tools && GOBIN=$(BIN) go install $$(go list tool | grep '/$(@F)$$')
	@touch $@

# Not one of the tools, because its version must be that of the protobuf runtime in go.mod.
$(BIN)/protoc-gen-go: go.mod go.sum
	go build -o $@ google.golang.org/protobuf/cmd/protoc-gen-go
	@touch $@

# Not one of the tools, because it does not compile with the yaml package of tools/go.mod.
ACTIONLINT := v1.7.12
$(BIN)/actionlint: Makefile
	GOBIN=$(BIN) go install github.com/rhysd/actionlint/cmd/actionlint@$(ACTIONLINT)
	@touch $@

.PHONY: clean
clean: ## Remove the tools and their output
	rm -rf $(BIN) $(PROTOS) $(SHOP_PROTOS) $(REST_PROTOS)
