# `make` lists the targets.
.DEFAULT_GOAL := help
.PHONY: help build size test long race stress ci-long lint bench instructions mutants kills no-false-alarms golden docs track-record vuln

GO ?= go
VET ?= $(GO) vet
EXAMPLES := examples/custom-store examples/kubernetes examples/lossy-store examples/peers examples/track-record examples/track-record/beego examples/http/scs examples/http/gorilla

# Packages that start goroutines. Flawed stores, and correct but unusual ones, take long: make stress.
CONCURRENT := ./internal/adapter/... ./internal/chattest ./internal/child ./internal/distributed ./internal/duet ./internal/goroutine ./internal/history ./internal/httptarget ./internal/live ./internal/measure \
	./internal/outfile ./internal/redistest ./internal/runner ./internal/verify ./internal/wait ./manager/... ./strategies ./strategies/redis
# Long tests with real Redis servers, the tests of cmd that run the whole program, and those of other programs.
LONG := 'TestRealCluster|TestRealStores|TestRealRetryTwiceIsRejected'
# Tests of the runner in one goroutine and virtual time: the race detector finds nothing there.
VIRTUAL := 'TestFindsWhatOneLockSustains|TestFindsWhereAPercentileCrosses|TestFindHasTheIdeal|TestFindKeepsWhatWasMeasured|TestSeriesMemory'
RACE_CMD := 'TestScripts/^(run|verify|interrupt|verify_interrupt|report_merge)$$|TestJoinScripts/^whole$$|KilledParticipant|Live|Signal|Child|Serve'
PROGRAMS := 'TestCheckAgainstRef|TestShippedAdapters|TestScripts/^check_duet$$'

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build bin/sessbench
	$(GO) build -trimpath -o bin/sessbench .

# What the linker does not count per package, such as the tables for stack traces, is divided in proportion to code and constants.
size: export CGO_ENABLED = 0
size: ## print the size of the release binary in MB, and what each dependency is of it
	@dir=$$(mktemp -d) && trap 'rm -r "$$dir"' EXIT && \
	$(GO) build -trimpath -ldflags '-s -w' -o "$$dir/release" . && $(GO) build -trimpath -o "$$dir/symbols" . && \
	$(GO) tool nm -size "$$dir/symbols" | awk -v bytes="$$(wc -c <"$$dir/release")" ' \
		$$3 !~ /[TtRr]/ || $$4 ~ /^(go|type):/ { next } \
		{ sub(/\[.*/, "", $$4); n = split($$4, part, "/"); of = "the standard library" } \
		n > 1 && part[1] ~ /\./ { sub(/\..*/, "", part[n]); of = part[1] "/" part[2] (n > 2 ? "/" part[3] : "") } \
		{ size[of] += $$2; counted += $$2 } \
		END { printf "%5.2f all\n", bytes / 1e6; for (of in size) printf "%5.2f %s\n", size[of] / counted * bytes / 1e6, of }' | sort -rn

# Without cgo, which the program does not use, processes start in less time, and no C compiler is needed. The race detector needs both.
test long lint: export CGO_ENABLED = 0
race stress: export CGO_ENABLED = 1

test: ## run all tests, including those of the examples
	@for p in redis-server python3 javac node chromium uvicorn gunicorn; do \
		command -v $$p >/dev/null || echo "skipped: tests that need $$p, which is not in PATH"; done
	$(GO) test -p 4 -timeout=30m ./...
	@for d in $(EXAMPLES); do echo "== $$d"; (cd $$d && $(GO) test ./...) || exit 1; done

long: export SESSBENCH_TEST_LONG = 1
long: ## run the tests that have a long form in it, and build for other systems
	$(GO) test -p 2 -timeout=60m . ./cmd ./internal/runner ./strategies/redis
	@for s in windows/amd64 darwin/arm64 linux/arm64; do echo "== $$s"; GOOS=$${s%/*} GOARCH=$${s#*/} $(GO) build -o /dev/null . || exit 1; done

race: ## run the tests of concurrent code under the race detector (needs a C compiler), without the long ones
	$(GO) test -race -short -timeout=20m -skip $(LONG)'|'$(VIRTUAL) $(CONCURRENT)
	$(GO) test -race -short -timeout=20m ./cmd -run $(RACE_CMD)

stress: ## run them twenty times, with the long ones, but without tests that start servers
	$(GO) test -race -count=20 -timeout=90m -skip 'Real|Server|Cluster|'$(VIRTUAL) $(filter-out ./strategies/redis,$(CONCURRENT)) ./internal/flawed
	$(GO) test -race -timeout=20m ./cmd ./strategies/redis -skip $(PROGRAMS)

ci-long: long stress ## what .ci/run leaves out: hours

lint: ## gofmt, go vet, staticcheck, licences of dependencies
	@unformatted=$$(gofmt -l .) && test -z "$$unformatted" || { echo "gofmt: $$unformatted"; exit 1; }
	$(VET) ./...
	$(GO) tool -modfile=.ci/tools.mod staticcheck ./...
	$(GO) test ./.ci/licences && $(GO) run ./.ci/licences
	@for d in $(EXAMPLES); do (cd $$d && $(VET) ./...) || exit 1; done

vuln: ## look for known vulnerabilities in what the program calls (needs the database at vuln.go.dev)
	@curl --silent --fail --max-time 10 --output /dev/null https://vuln.go.dev/index/db.json || { echo "skipped: the database of vulnerabilities is out of reach"; exit 0; }; \
	$(GO) run golang.org/x/vuln/cmd/govulncheck@v1.9.0 ./...

bench: ## measure the cost of an operation on each strategy, and of the harness
	$(GO) test -run '^$$' -bench . -benchmem ./strategies ./strategies/redis ./internal/runner ./internal/adapter ./internal/httptarget

instructions: ## count the instructions of an operation on each strategy (needs valgrind; some minutes)
	@sh strategies/testdata/instructions.sh '$(STRATEGY)'

MUTANTS ?= .
mutants: ## verify small faults in the strategies' sources, each built and verified (an hour or two); MUTANTS='^entry.go' for some
	SESSBENCH_MUTANTS='$(MUTANTS)' nice -n 15 $(GO) test ./internal/mutants -run '^TestMutants$$' -count=1 -v -timeout=0

# A part of both: SEEDS=5, FLAWS='^orphan', RUNS=5. They continue where they were interrupted, on the same commit.
SEEDS ?= 20
RUNS ?= 50

kills: ## find every flaw by its schedule 100 times, and by random pressure with 20 seeds at the default effort (half an hour)
	SESSBENCH_KILLS=100 $(GO) test ./internal/flawed -run '^TestScheduledKills$$' -count=1 -timeout=0
	SESSBENCH_KILL_SEEDS=$(SEEDS) SESSBENCH_FLAWS='$(FLAWS)' $(GO) test ./internal/flawed -run '^TestKillMatrix$$' -count=1 -v -timeout=0

no-false-alarms: ## verify right stores again and again: each strategy 50 times and 2,000 rounds, unusual stores 10 times (up to an hour)
	SESSBENCH_FULL_RUNS=$(RUNS) $(GO) test ./internal/flawed -run '^TestNoFalseAlarms$$' -count=1 -v -timeout=0

golden: ## rewrite the golden files of the reports; read the diff
	$(GO) test ./reports -run Golden -update

docs: ## regenerate the tables in README.md and docs (some minutes, on an idle machine; needs Python and Java)
	$(GO) test . -run '^TestTables$$' -count=1 -timeout=60m -v -update

track-record: ## find bugs that shipped, and rewrite the table in docs/track-record.md (some minutes; needs the programs that its cases name, and npm)
	npm ci --prefix examples/track-record/node --no-audit --no-fund
	cd examples/track-record && $(GO) run ./table
