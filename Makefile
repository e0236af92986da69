# Godwit. `make help` lists the targets.

GO       ?= go
SHELL    := /bin/bash
BUILD    := build
BIN      := $(BUILD)/bin
VERSION  := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS  := -s -w -X github.com/godwit/godwit/internal/version.Version=$(VERSION)
GOLANGCI := $(GO) tool -modfile=tools/go.mod golangci-lint

# Every Go file and the console's build: what the binaries are made of.
GO_FILES  := $(shell find . -path ./build -prune -o -path ./web/node_modules -prune -o -name '*.go' -print -o -name '*.sql' -print) go.mod go.sum
WEB_FILES := $(shell find web -path web/node_modules -prune -o -path web/dist -prune -o -type f ! -name '*.go' -print 2>/dev/null)

.PHONY: help deps deps-run deps-test deps-generate demo run build test test-go test-go-rest test-go-clouds test-clouds test-live test-web lint sim bench bench-control bench-wan bench-beside bench-local bench-profile bench-flood test-boot deps-boot trial-kill fuzz check-wan deps-bench wan web generate cross clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'
	@echo
	@echo "  make demo ONCE=1   the same without waiting at the end; build/demo/report.json says how it went"
	@echo "  make sim SEEDS=1000   histories per simulation suite"

deps: ## install the Debian packages that are missing (the only target that needs root)
	@scripts/deps.sh all

deps-run:
	@scripts/deps.sh run

deps-test:
	@scripts/deps.sh all

deps-generate:
	@scripts/deps.sh generate

demo: deps-run build ## watch a cluster scale while real files move through it
	@$(BIN)/godwit-manager demo --dir $(BUILD)/demo $(if $(ONCE),--once)

run: deps-run build ## run a manager with its console; state stays in build/data
	@$(BIN)/godwit-manager serve --data $(BUILD)/data

build: $(BIN)/godwit $(BIN)/godwit-manager $(BIN)/godwit-node ## build the three commands into build/bin

# A module of its own, so that ./... leaves alone what lies below: the demo
# copies Go's source tree there.
$(BUILD)/go.mod:
	@mkdir -p $(BUILD)
	@printf '// Keeps the Go tools out of what is built here.\nmodule build\n' >$@

$(BIN)/godwit $(BIN)/godwit-node: $(GO_FILES) | $(BUILD)/go.mod
	@mkdir -p $(BIN)
	@echo "building $(@F)"
	@CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $@ ./cmd/$(@F)

$(BIN)/godwit-manager: $(GO_FILES) $(BUILD)/web.stamp | $(BUILD)/go.mod
	@mkdir -p $(BIN)
	@echo "building $(@F)"
	@CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $@ ./cmd/$(@F)

bench-control: build ## ten thousand simulated nodes behind a real manager: processor time, answers; bench/results/control.json
	@$(GO) build -o $(BIN)/crowd ./cmd/godwit-manager/internal/crowd
	@$(BIN)/crowd -bins $(BIN) -dir $(BUILD)/crowd $(CROWD)

deps-bench:
	@scripts/deps.sh bench

$(BIN)/wan: $(GO_FILES) bench/wan/emulator/relay/relay.c | $(BUILD)/go.mod
	@mkdir -p $(BIN)
	@$(GO) build -trimpath -o $@ ./bench/wan

# The peers that are built here. One that cannot be built is left out of the tables, which say so.
$(BIN)/quic-copy: bench/wan/peers/quic/main.go bench/wan/peers/quic/go.mod
	@mkdir -p $(BIN)
	@$(GO) -C bench/wan/peers/quic build -trimpath -o $(CURDIR)/$@ . || echo "no quic-copy: see above"

$(BIN)/udt-copy: bench/wan/peers/udt/copy.cc
	@mkdir -p $(BIN)
	@$(CXX) -std=c++17 -O2 -o $@ $< -ludt || echo "no udt-copy: see above"

wan: $(BIN)/wan ## build build/bin/wan: emulated wide-area paths for any command; build/bin/wan exec --help

WAN_ONLY = $(foreach f,case=$(CASE) set=$(SET) peer=$(PEER) runs=$(RUNS),$(if $(word 2,$(subst =, ,$(f))),--$(f)))
bench-wan: deps-bench $(BIN)/godwit $(BIN)/wan $(BIN)/quic-copy $(BIN)/udt-copy ## Godwit and its peers over emulated paths, as root, about 50 minutes; CASE= SET= PEER= RUNS= narrow it, FULL=1 runs every cell
	@$(BIN)/wan bench $(WAN_ONLY) $(if $(FULL),--full)

bench-beside: deps-bench $(BIN)/godwit $(BIN)/wan ## Godwit and a cubic of the kernel on one link, as root, six minutes; SCENE= RUNS= narrow it
	@$(BIN)/wan beside $(if $(SCENE),--scene $(SCENE)) $(if $(RUNS),--runs $(RUNS))

bench-local: $(BIN)/godwit ## Godwit over loopback and to disk, a few minutes; bench/results/local.md
	@$(GO) build -trimpath -o $(BIN)/bench-local ./bench/local
	@$(BIN)/bench-local

bench-profile: $(BIN)/wan ## where the engine's time goes, as root, with perf; bench/results/profile.md
	@scripts/profile.sh

bench-flood: $(BIN)/godwit ## what a copy keeps of its rate while its server is flooded, as root, two minutes; bench/results/flood.json
	@$(GO) build -trimpath -o $(BIN)/bench-flood ./bench/flood
	@$(BIN)/bench-flood

check-wan: deps-bench ## hold the emulated path against ping and iperf3, as root
	$(GO) test ./bench/wan/emulator -count=1 -v -run 'TestPath' -wan.check

TRIALS ?= 100
SEED   ?= 1
BYTES  ?= 2147483648
trial-kill: $(BIN)/godwit ## kill -9 either end of a copy at random moments; TRIALS=, BYTES= of the tree, SEED=, WHERE= a directory
	@$(GO) build -o $(BIN)/crash ./bench/crash
	@$(BIN)/crash -godwit $(BIN)/godwit -trials $(TRIALS) -seed $(SEED) -bytes $(BYTES) $(if $(WHERE),-dir $(WHERE))

web: $(BUILD)/web.stamp ## build the console into web/dist

web/node_modules/.package-lock.json: web/package.json web/package-lock.json
	@echo "installing the console's packages"
	@cd web && npm ci --silent --no-progress
	@touch $@

$(BUILD)/web.stamp: web/node_modules/.package-lock.json $(WEB_FILES)
	@mkdir -p $(BUILD)
	@echo "building the console"
	@cd web && npm run --silent build
	@touch $@

test: deps-test build test-go test-web ## every test: Go under the race detector, end to end, a real browser

# What links a cloud's SDK takes minutes to compile under the race detector, nearly all of it the SDK itself. It is
# tested in a call of its own, the largest SDK without optimisation: a third of the time.
CLOUDS      := provisioner/(aws|azure|gcp|dns)(/|$$)|cluster/chaos$$|cmd/godwit-manager(/internal/clouds)?$$
CLOUD_FLAGS := -gcflags=github.com/aws/aws-sdk-go-v2/service/ec2='-N -l'

test-go: test-go-rest test-go-clouds

test-go-rest: | $(BUILD)/go.mod
	$(GO) test -race -shuffle=on -timeout 15m $$($(GO) list ./... | grep -vE '$(CLOUDS)')

test-go-clouds: | $(BUILD)/go.mod
	$(GO) test $(CLOUD_FLAGS) -race -shuffle=on -timeout 15m $$($(GO) list ./... | grep -E '$(CLOUDS)')

deps-boot:
	@[ "$$(id -u)" -ne 0 ] || scripts/deps.sh boot

test-boot: deps-boot $(BIN)/godwit $(BIN)/godwit-node $(BIN)/godwit-manager ## boot nodes and a manager for real (systemd, cloud-init), as root; the first time it makes a root file system, some minutes
	@GO='$(GO)' scripts/test-boot.sh $(BIN)

MOTO := $(BUILD)/moto/bin/moto_server
$(MOTO): | $(BUILD)/go.mod
	@echo "installing moto, which stands in for Amazon EC2 and Route 53, into $(BUILD)/moto"
	@python3 -m venv $(BUILD)/moto
	@$(BUILD)/moto/bin/pip install --quiet --disable-pip-version-check 'moto[server,ec2]==5.2.5'

test-clouds: $(MOTO) ## the clouds' providers against emulators of others; needs Python and PyPI
	GODWIT_MOTO_SERVER=$(CURDIR)/$(MOTO) $(GO) test $(CLOUD_FLAGS) -race -count=1 -timeout 10m -run Moto ./provisioner/aws ./provisioner/dns/route53

test-live: ## the clouds' providers in real accounts, which costs money: GODWIT_LIVE_AWS= and more in docs/clouds.md
	$(GO) test -count=1 -v -timeout 3h -parallel 3 -run 'TestProviderLive' ./provisioner/aws ./provisioner/gcp ./provisioner/azure

test-web: web/node_modules/.package-lock.json
	cd web && npm run --silent check && npm test --silent

lint: | $(BUILD)/go.mod ## format, vet, the linters and the import rules
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "gofmt needed:"; gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(GOLANGCI) run ./...
	@scripts/lint-house.sh

FUZZTIME ?= 2m
FUZZ     ?= ./transfer/... ./cmd/godwit/...
fuzz: | $(BUILD)/go.mod ## every fuzz target of the engine and the command line, FUZZTIME= each
	@scripts/fuzz.sh $(FUZZTIME) $(FUZZ)

SEEDS ?= 1000
sim: ## every simulation suite; SEEDS= scales; build/sim/report.json
	@$(GO) run ./bench/sim -seeds $(SEEDS) -out $(BUILD)/sim/report.json

bench: ## Go benchmarks of the engine, the policy and the store
	$(GO) test -run '^$$' -bench . -benchmem ./transfer/... ./policy/...

generate: deps-generate web/node_modules/.package-lock.json ## regenerate what is generated and committed (reports, OpenAPI document, schemas, API client)
	$(GO) generate ./...

cross: ## build the CLI for linux, darwin and windows on amd64 and arm64
	@for os in linux darwin windows; do for arch in amd64 arm64; do \
		echo "godwit $$os/$$arch"; \
		CGO_ENABLED=0 GOOS=$$os GOARCH=$$arch $(GO) build -trimpath -ldflags '$(LDFLAGS)' \
			-o $(BUILD)/cross/godwit-$$os-$$arch$$( [ $$os = windows ] && echo .exe ) ./cmd/godwit || exit 1; \
	done; done

clean: ## remove what was built and the demo; the state of make run (build/data) stays
	@if [ -x $(BIN)/godwit-manager ]; then $(BIN)/godwit-manager demo --dir $(BUILD)/demo --clean || true; fi
	@if [ -d $(BUILD) ]; then find $(BUILD) -mindepth 1 -maxdepth 1 ! -name data -exec rm -rf {} +; fi
	rm -rf web/node_modules
	@find web/dist -mindepth 1 ! -name .gitkeep -delete 2>/dev/null || true
