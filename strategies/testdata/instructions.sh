#!/bin/sh
# Prints the instructions per operation of the strategies whose names match a pattern, or of all:
#
#	make instructions [STRATEGY='cow|actor']
#
# BenchmarkOperation runs under valgrind with n operations and with 2n; the difference leaves out what start and preparation cost.
# Garbage collection is included, and makes the figures of a strategy that allocates differ a lot from run to run; those of others differ by
# some instructions, with ids and hash keys. noop is the cost of the loop and of the closures.
set -eu
command -v valgrind >/dev/null || { echo 'instructions.sh: valgrind is not installed' >&2; exit 1; }
n=${N:-40000}
operations='append history create-delete'
bin=$(mktemp)
trap 'rm -f "$bin"' EXIT
CGO_ENABLED=0 "${GO:-go}" test -c -o "$bin" ./strategies

# instructions STRATEGY OPERATION TIMES prints the instructions of a process that performs the operation so many times. Signals
# that preempt goroutines are off, because valgrind 3.19 fails on them.
instructions() {
	GODEBUG=asyncpreemptoff=1 valgrind --tool=callgrind --callgrind-out-file=/dev/null "$bin" -test.run '^$' -test.cpu 1 \
		-test.bench "^BenchmarkOperation\$/^$1\$/^$2\$" -test.benchtime "${3}x" 2>&1 | awk '/Collected/ { print $4 }'
}

# shellcheck disable=SC2086
printf '%-12s %14s %14s %14s\n' strategy $operations
"$bin" -test.run '^$' -test.bench '^BenchmarkOperation$/./^append$' -test.benchtime 1x |
	sed -n 's|^BenchmarkOperation/\([^/]*\)/.*|\1|p' | grep -Ex "${1:-.*}" | while read -r strategy; do
	printf '%-12s' "$strategy"
	for operation in $operations; do
		once=$(instructions "$strategy" "$operation" "$n")
		twice=$(instructions "$strategy" "$operation" $((2 * n)))
		printf ' %14d' $(((twice - once) / n))
	done
	echo
done
