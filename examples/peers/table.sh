#!/usr/bin/env bash
# Compares strategies of sessbench with peers, in interleaved blocks, and prints the table:
#
#   ./table.sh xsync sync-map xsync-mutex otter sharded-rwmutex
#
# RUNS (10) is the number of blocks, WINDOW (100ms) the measured time of a trial, OUT (a temporary directory) the directory of
# the programs and of the result documents, which stay, CELLS (.) a regular expression of the names of cells. With fewer than
# nine blocks none of 18 cells can be significantly slower: the sign test's smallest p is 2^-RUNS.
set -euo pipefail
cd "$(dirname "$0")"
[ $# -gt 0 ] || { echo "usage: table.sh STRATEGY..." >&2; exit 2; }
out=${OUT:-$(mktemp -d)}
mkdir -p "$out"
go build -o "$out/sessbench-peers" .
go build -o "$out/table" ./table
documents=()
strategies=$(IFS=,; echo "$*,noop")

# cell measures one cell. Its name is that of its document. Exit code 5 is a violation, which the table shows.
cell() {
	local name=$1 code=0
	shift
	[[ $name =~ ${CELLS:-.} ]] || return 0
	echo "$name" >&2
	"$out/sessbench-peers" run -q -S "$strategies" --baseline-strategy none --hold 0 -r "${RUNS:-10}" -d "${WINDOW:-100ms}" "$@" \
		-f json >"$out/$name.json" || code=$?
	case $code in 0 | 5) ;; *) return $code ;; esac
	documents+=("$out/$name.json")
}

for users in 2 100; do
	for sessions in 100 100000; do
		at=(-u "$users" --sessions "$sessions")
		cell "chatbot-$sessions-$users" -s chatbot "${at[@]}"
		cell "reads-$sessions-$users" -s chatbot --mix history=19,append=1 "${at[@]}"
		cell "appends-$sessions-$users" -s chatbot --mix append=1 "${at[@]}"
		cell "churn-$sessions-$users" -s churn "${at[@]}"
	done
	cell "chatbot-1000000-$users" -s chatbot --prefill 1 -u "$users" --sessions 1000000
done
"$out/table" "${documents[@]}"
echo "documents: $out" >&2
