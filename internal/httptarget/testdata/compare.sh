#!/usr/bin/env bash
# Compares the cost of a request with wrk and vegeta, which must be in PATH: 100 users in a closed loop, a server of net/http that
# does nothing, one generator after another, in each round beginning with another one. Prints requests per second and CPU time
# per request, of the generator and of the server, and at the end the median of the rounds' ratios.
# Usage: testdata/compare.sh [ROUNDS] [SECONDS]
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-3} seconds=${2:-5} users=100
temp=$(mktemp -d)
go test -c -o "$temp/test" .
mkfifo "$temp/in"
SESSBENCH_TEST_HTTP=noop "$temp/test" <"$temp/in" >"$temp/address" &
server=$!
exec 3>"$temp/in"
trap 'exec 3>&-; wait; rm -rf "$temp"' EXIT
until [ -s "$temp/address" ]; do sleep 0.05; done
url=http://$(cat "$temp/address")/

TIMEFORMAT='%U %S'
hz=$(getconf CLK_TCK)
server_ticks() { awk '{ print $14 + $15 }' "/proc/$server/stat"; }
own() { SESSBENCH_TEST_HTTP=load "$temp/test" own "$url" $users "${seconds}s" >"$temp/out"; }
net_http() { SESSBENCH_TEST_HTTP=load "$temp/test" net/http "$url" $users "${seconds}s" >"$temp/out"; }
wrk_() { wrk -t2 -c$users -d"${seconds}s" "$url" >"$temp/wrk"; }
vegeta_() { # writes its results to a file, which is read afterwards
	echo "GET $url" | vegeta attack -rate 0 -workers $users -max-workers $users -connections $users -duration "${seconds}s" >"$temp/vegeta"
}
count() { # count GENERATOR: prints answers and seconds
	case $1 in
	wrk_) awk '/requests in/ { sub(/s,?$/, "", $4); print $1, $4 }' "$temp/wrk" ;;
	vegeta_) vegeta report -type json <"$temp/vegeta" |
		python3 -c 'import json, sys; r = json.load(sys.stdin); print(r["status_codes"]["200"], (r["duration"] + r["wait"]) / 1e9)' ;;
	*) cat "$temp/out" ;;
	esac
}
printf '%-10s %12s %15s %15s\n' generator requests/s 'own µs/request' 'server µs'
order=(own wrk_ vegeta_ net_http)
for round in $(seq "$rounds"); do
	order=("${order[@]:1}" "${order[0]}")
	for generator in "${order[@]}"; do
		before=$(server_ticks)
		{ time $generator 2>"$temp/errors"; } 2>"$temp/time" || { cat "$temp/errors"; exit 1; }
		after=$(server_ticks)
		echo "$round $generator $(count $generator) $(tail -n 1 "$temp/time") $(((after - before) * 1000000 / hz))" | tee -a "$temp/all" |
			awk '{ printf "%-10s %12.0f %15.1f %15.1f\n", $2, $3 / $4, ($5 + $6) * 1e6 / $3, $7 / $3 }'
	done
done
python3 - "$temp/all" <<'END'
import statistics, sys
rate, cost = {}, {}
for line in open(sys.argv[1]):
    round, name, n, seconds, user, system, server = line.split()
    rate[name, round] = float(n) / float(seconds)
    cost[name, round] = (float(user) + float(system)) / float(n)
rounds = sorted({r for _, r in rate})
for other in ("wrk_", "vegeta_", "net_http"):
    def ratio(of): return statistics.median(of["own", r] / of[other, r] for r in rounds)
    each = " ".join(f"{rate['own', r] / rate[other, r]:.2f}" for r in rounds)
    print(f"own ÷ {other.rstrip('_')}: {ratio(rate):.2f} requests/s ({each}), {ratio(cost):.2f} CPU of the generator per request")
END
