#!/usr/bin/env bash
# Builds the program in PACKAGE, compares it with the same program at AGAINST, and writes the step summary, the outputs and, into a
# directory for the artifact, the report, the JUnit file and the result. It always succeeds: conclude.sh fails the job.
set -euo pipefail

directory="$RUNNER_TEMP/sessbench-report"
program="$RUNNER_TEMP/sessbench-program"
mkdir -p "$directory"

case "$BASE" in
"" | 000000*) BASE=HEAD^ ;; # a new branch has no commit before it
esac
against=${AGAINST:-$BASE}
args=(--against-ref "$against")
[ -z "$BUDGET" ] || args+=(--budget "$BUDGET")
[ -z "$STRATEGIES" ] || args+=(--strategy "$STRATEGIES")
[ -z "$SCENARIO" ] || args+=(--scenario "$SCENARIO")
while IFS= read -r bound; do
	[ -z "${bound// /}" ] || args+=(--threshold "$bound")
done <<<"$THRESHOLDS"
read -ra more <<<"$FLAGS"
args+=("${more[@]}" -o "html=$directory/report.html" -o "junit=$directory/junit.xml" -o "json=$directory/result.json" -o "github=$directory/summary.md")

code=0
log="$directory/log.txt"
{
	cd "$PACKAGE" && go build -trimpath -o "$program" . &&
		{ git cat-file -e "$against^{commit}" 2>/dev/null || git fetch --quiet --depth=1 origin "$against"; }
} 2>"$log" || code=1
if [ "$code" -eq 0 ]; then
	"$program" check --quiet "${args[@]}" 2>"$log" || code=$?
fi
cat "$log" >&2

case "$code" in
0) verdict=pass ;;
99) verdict=fail ;;
3) verdict=inconclusive ;;
5) verdict=violated ;;
4) verdict=not-comparable ;;
*) verdict=could-not-run ;;
esac
if [ ! -s "$directory/summary.md" ]; then
	printf '**sessbench: %s**\n\n```\n%s\n```\n' "${verdict//-/ }" "$(tail -n 20 "$log")" >"$directory/summary.md"
fi
cat "$directory/summary.md" >>"$GITHUB_STEP_SUMMARY"
{
	echo "verdict=$verdict"
	echo "directory=$directory"
	echo "report=$directory/report.html"
} >>"$GITHUB_OUTPUT"
