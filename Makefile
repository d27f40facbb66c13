# make help lists what can be made.
SHELL := /bin/sh
GO ?= go
KERNEL ?= debian:6.12
FS ?=
CASE ?=
TARGET ?= refengine,vm
LABELS ?= !nightly && !elsewhere || target:refengine
PROCS ?= 2
REPORTS := reports
LEVEL ?= nightly
FUZZTIME ?= 10m
FUZZ ?=
MUTANTS ?=
VERSION ?=
DIST ?= dist
GINKGO := $(GO) tool ginkgo
NO_COLOR_FLAG := $(if $(NO_COLOR)$(CI),--no-color,)
SUITE_FLAGS := $(NO_COLOR_FLAG) --procs=$(PROCS) --fail-on-empty --poll-progress-after=30s --label-filter='$(LABELS)' --output-dir=$(REPORTS) --junit-report=junit.xml --json-report=report.json

.PHONY: all help suite test unit race lint tidy readme nightly fuzz mutants release bench-vm vm-deps browser-deps race-deps clean

all: bin/iomapcheck ## build bin/iomapcheck (the default)

help: ## this list
	@sed -n 's/^\([a-z/-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24
	@echo "  KERNEL=$(KERNEL) FS=$(FS) CASE=$(CASE) TARGET=$(TARGET) LABELS='$(LABELS)' choose what make suite runs"
	@echo "  LABELS= runs everything: what is for the night, and every variant on every file system"

# Static: the same file is PID 1 of the guests.
bin/iomapcheck: FORCE
	@mkdir -p bin
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags='-s -w' -o $@ ./harness/cmd/iomapcheck
FORCE:

suite: vm-deps bin/iomapcheck ## run every case on the engine and on a real kernel; reports in reports/
	@mkdir -p $(REPORTS)
	$(GINKGO) $(SUITE_FLAGS) ./suite -- -iomap.agent=$(CURDIR)/bin/iomapcheck -iomap.target=$(TARGET) -iomap.kernel='$(KERNEL)' -iomap.fs='$(FS)' -iomap.case='$(CASE)'
	@echo "reports: $(REPORTS)/junit.xml, $(REPORTS)/report.json, $(REPORTS)/runs/"

test: lint unit race suite ## everything that CI checks: lint, unit tests, race detector, the suite on both targets

unit: vm-deps browser-deps ## unit tests, with real machines where they need them
	IOMAPCHECK_REQUIRE_VM=1 $(GO) test -timeout 30m $$($(GO) list ./... | grep -v -e /suite$$ -e /harness/campaign$$)
	@mkdir -p $(REPORTS)
	IOMAPCHECK_REQUIRE_VM=1 $(GO) test -timeout 20m -coverpkg=./refengine/iomap -coverprofile=$(REPORTS)/iomap.cover ./harness/campaign
	IOMAPCHECK_COVERAGE=$(CURDIR)/$(REPORTS)/iomap.cover $(GO) test -count=1 -run Reaches ./ci

# Where there is concurrency that the engine does not simulate, and no machine to be booted.
RACED := ./harness ./harness/disk ./harness/exec ./harness/judge ./harness/ktrace ./harness/campaign ./harness/target/model ./refengine/sched ./vmimage/qmp ./vmimage/qemu ./vmimage/snapshot
race: race-deps ## the race detector on what has goroutines
	@if command -v cc >/dev/null; then set -x; CGO_ENABLED=1 $(GO) test -race -short -timeout 25m $(RACED); \
	else echo "race detector left out: it needs a C compiler (as root: apt-get install gcc libc6-dev)"; fi

lint: tidy ## gofmt, go vet, staticcheck, go.mod tidy
	@bad=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$bad" ]; then echo "not gofmt'ed:"; echo "$$bad"; exit 1; fi
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

tidy:
	$(GO) mod tidy -diff

bench-vm: vm-deps ## how fast machines are, side by side with plain QEMU and, where installed, virtme-ng (on an idle machine, five minutes)
	IOMAPCHECK_REQUIRE_VM=1 $(GO) test -run '^$$' -bench SideBySide -benchtime 5x -timeout 30m ./harness/target/vm

nightly: vm-deps bin/iomapcheck ## the night's work, all of it here: LEVEL=smoke is a minute, nightly some hours; the site is nightly/site
	LEVEL=$(LEVEL) ci/nightly all

fuzz: ## fuzz every target for FUZZTIME, or FUZZ=FuzzName alone
	FUZZTIME=$(FUZZTIME) ci/fuzz $(FUZZ)

mutants: bin/iomapcheck ## every historic bug against every case; the table is reports/mutants.md
	@mkdir -p $(REPORTS)
	bin/iomapcheck mutants --markdown $(MUTANTS) >$(REPORTS)/mutants.md

release: ## build the static program for release VERSION=v1.2.3 into dist/
	DIST=$(DIST) ci/release $(VERSION)

readme: bin/iomapcheck ## run the README's commands as written
	IOMAPCHECK_README=1 $(GO) test -count=1 -timeout 30m -v -run READMECommandsRunAsWritten ./ci

vm-deps: ## what virtual machines need: QEMU (as root it is installed)
	@ci/install-missing qemu-system-x86_64 qemu-system-x86
	@ci/install-missing --optional dmsetup dmsetup

browser-deps: # pages are looked at in a real browser where there is one
	@ci/install-missing --optional chromium chromium fonts-dejavu-core

race-deps:
	@ci/install-missing --optional cc gcc libc6-dev

clean: ## remove what make made here (the cache of kernels stays: iomapcheck image clean)
	rm -rf bin $(REPORTS) runs nightly dist
