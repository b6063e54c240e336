# `make` alone says what there is.
.DEFAULT_GOAL := help
.PHONY: help build test race lint bench golden stress

GO ?= go
EXAMPLES := examples/custom-store examples/lossy-store

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## bin/sessbench
	$(GO) build -trimpath -o bin/sessbench .

test: ## every test, the examples' too
	@for p in redis-server python3 javac node; do \
		command -v $$p >/dev/null || echo "left out: tests that need $$p, which is not in PATH"; done
	$(GO) test ./...
	@for d in $(EXAMPLES); do echo "== $$d"; (cd $$d && $(GO) test ./...) || exit 1; done

race: ## what is concurrent under the race detector (needs a C compiler), but for the work of other processes
	$(GO) test -race -timeout=20m -skip 'TestCheckAgainstRef|TestShippedAdapters|TestScripts/check_duet' ./cmd ./internal/... ./strategies/... ./scenarios/... ./manager/...

stress: ## the concurrency tests under the race detector, twenty times, but for those with real servers
	$(GO) test -race -count=20 -timeout=90m -skip 'Real|Server|Cluster' ./internal/... ./manager/... ./strategies ./scenarios/...

lint: ## gofmt, go vet, staticcheck
	@unformatted=$$(gofmt -l .) && test -z "$$unformatted" || { echo "gofmt: $$unformatted"; exit 1; }
	$(GO) vet ./...
	$(GO) tool -modfile=.ci/tools.mod staticcheck ./...
	@for d in $(EXAMPLES); do (cd $$d && $(GO) vet ./...) || exit 1; done

bench: ## what an operation costs on each strategy, and the harness's own cost
	$(GO) test -run '^$$' -bench . -benchmem ./strategies ./strategies/redis ./internal/runner ./internal/adapter

golden: ## rewrite the reports' golden files; look at the diff
	$(GO) test ./reports -run Golden -update
