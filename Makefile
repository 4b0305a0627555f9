# Targets for people and for CI. `make` alone lists them.
GO       ?= go
TOOL     := $(GO) tool -modfile=scripts/tools.mod
PACKAGES := ./...
FUZZTIME ?= 30s
SCALE    ?= 10
CHAOS    ?= 50

.DEFAULT_GOAL := help
.PHONY: help build demo test race lint chaos fuzz bench regression golden clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build bin/rehearse
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/rehearse ./cmd/rehearse

demo: build ## rehearse a release of a made-up shop: once NO-GO, once mended and GO
	scripts/setup-test-host.sh --any postgres docker
	$(GO) run ./testdata/shop/demo bin/rehearse

test: ## run all tests, setting the host up where something lacks
	scripts/setup-test-host.sh
	$(GO) test -timeout 60m $(TESTFLAGS) $(PACKAGES)

race: ## run all tests under the race detector
	$(MAKE) test TESTFLAGS="-race $(TESTFLAGS)"

lint: ## format, vet and staticcheck, without golangci-lint
	@unformatted=$$($(TOOL) gofumpt -l $$(git ls-files '*.go')); \
	if [ -n "$$unformatted" ]; then echo "gofumpt would change:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet $(PACKAGES)
	$(TOOL) staticcheck $(PACKAGES)

chaos: ## kill and harm copies CHAOS (50) times at random moments; CHAOS_SEED plays a seed again
	REHEARSE_TEST_CHAOS=$(CHAOS) REHEARSE_TEST_CHAOS_SEED=$(CHAOS_SEED) $(GO) test -count 1 -v -timeout 60m -run '^TestChaos$$' ./rehearse

fuzz: ## fuzz each target for FUZZTIME (30s)
	@for pkg in $$($(GO) list $(PACKAGES)); do \
		for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
			echo "== $$pkg $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $$pkg || exit 1; \
		done; \
	done

bench: build ## measure the copy against pg_dump and pg_restore, and the masks (SCALE=10)
	$(GO) test -run '^$$' -bench . -benchmem ./sanitize/...
	scripts/bench.sh $(SCALE)

regression: ## copy the database that PostgreSQL's own regression tests leave, and compare (MAJORS="18": in containers too)
	scripts/regression-database.sh build
	for major in $(MAJORS); do scripts/regression-database.sh image $$major || exit 1; done
	REHEARSE_TEST_REQUIRE=postgres,regression REHEARSE_TEST_REGRESSION_MAJORS="$(MAJORS)" $(GO) test -count=1 -timeout 20m -run TestRegressionEqualsSource -v ./rehearse

golden: ## write the golden files anew; review the diff
	$(GO) test ./rehearse/report ./rehearse/compare ./cmd/rehearse -update

clean: ## remove what was built
	rm -rf bin
