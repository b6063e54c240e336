#!/usr/bin/env bash
# Compares strategies of sessbench with ConcurrentHashMap in the JVM, on the same tape, in alternating blocks, and prints
# operations per second and their ratio. Less than ten minutes:
#
#   examples/java/bench.sh                  # clht and xsync
#   examples/java/bench.sh xsync sync-map
#   examples/java/bench.sh -cells '100 sessions, 2 users' xsync
#
# JAVA_OPTIONS replaces the options of the JVM. With ParallelGC threads pay least for writing references; a heap of fixed size, half
# of it for new objects, keeps collections rare. G1, the default, is slower here.
set -euo pipefail
cd "$(dirname "$0")"
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
javac -d "$temp" Bench.java
(cd ../peers && go build -o "$temp/jvm" ./jvm)
options=${JAVA_OPTIONS:--XX:+UseParallelGC -Xms1g -Xmx1g -Xmn512m}
"$temp/jvm" -java "java $options" -classes "$temp" "$@"
