package redis_test

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sessbench/sessbench/internal/redistest"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/strategies/redis"
)

// payload is a session of about a hundred bytes.
type payload struct {
	N    int64
	Text string
}

// BenchmarkAgainstRedisBenchmark holds updates against redis-benchmark's SET of as many bytes, on the same server with as
// many clients, in pairs that take turns. per-trip is updates a second, times the round trips of an update, over SETs a second:
// the median of the pairs, with the lowest and the highest.
//
//	go test -run '^$' -bench AgainstRedisBenchmark -benchtime 1x ./strategies/redis
func BenchmarkAgainstRedisBenchmark(b *testing.B) {
	const (
		clients = 100
		size    = 110 // bytes
		pairs   = 7
		lasting = 2 * time.Second
		trips   = 2 // of an update, of every kind
	)
	if _, err := exec.LookPath("redis-benchmark"); err != nil {
		b.Skip("left out: no redis-benchmark in PATH")
	}
	server := redistest.Start(b)
	for _, k := range kinds {
		b.Run(k.String(), func(b *testing.B) {
			for b.Loop() {
				var ratios, sets, updates []float64
				for range pairs {
					set := setsPerSecond(b, server.Port, clients, size)
					update := updatesPerSecond(b, server.URL(), k, clients, size, lasting)
					sets, updates, ratios = append(sets, set), append(updates, update), append(ratios, update*trips/set)
				}
				for _, xs := range [][]float64{ratios, sets, updates} {
					slices.Sort(xs)
				}
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(sets[pairs/2], "SET/s")
				b.ReportMetric(updates[pairs/2], "updates/s")
				b.ReportMetric(ratios[0], "per-trip-lo")
				b.ReportMetric(ratios[pairs/2], "per-trip")
				b.ReportMetric(ratios[pairs-1], "per-trip-hi")
			}
		})
	}
}

// setsPerSecond is what redis-benchmark finds.
func setsPerSecond(b *testing.B, port, clients, size int) float64 {
	b.Helper()
	out, err := exec.CommandContext(b.Context(), "redis-benchmark", "-p", strconv.Itoa(port), "-t", "set", "-c", strconv.Itoa(clients),
		"-d", strconv.Itoa(size), "-n", "120000", "-r", strconv.Itoa(clients), "--csv").Output()
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		words := strings.Split(strings.TrimSpace(line), ",")
		if len(words) < 2 || strings.Trim(words[0], `"`) != "SET" {
			continue
		}
		rate, err := strconv.ParseFloat(strings.Trim(words[1], `"`), 64)
		if err != nil {
			b.Fatal(err)
		}
		return rate
	}
	b.Fatalf("redis-benchmark said %q", out)
	return 0
}

// updatesPerSecond has as many users, each on a session of its own, change what they keep for so long.
func updatesPerSecond(b *testing.B, url string, k kind, clients, size int, lasting time.Duration) float64 {
	b.Helper()
	connection, err := redis.Connect(b.Context(), redis.Options{URL: url, Users: clients})
	if err != nil {
		b.Fatal(err)
	}
	defer connection.Close()
	store, err := redis.New[payload](connection.Client(), connection.Prefix(), redis.WithAtomic(k.atomic), redis.WithPipelining(k.pipelining))
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	ids := make([]manager.ID, clients)
	fresh := func() payload { return payload{Text: strings.Repeat("x", size-len(`{"N":12345,"Text":""}`))} }
	for i := range ids {
		ids[i] = uuid.New()
		if _, err := store.GetOrCreate(b.Context(), ids[i], fresh, nil); err != nil {
			b.Fatal(err)
		}
	}
	var (
		running sync.WaitGroup
		done    atomic.Int64
		failed  = make([]error, clients)
		start   = time.Now()
		change  = func(_ context.Context, p *payload) error { p.N++; return nil }
	)
	for i, id := range ids {
		running.Go(func() {
			for time.Since(start) < lasting && failed[i] == nil {
				if failed[i] = store.Update(context.Background(), id, change); failed[i] == nil {
					done.Add(1)
				}
			}
		})
	}
	running.Wait()
	rate := float64(done.Load()) / time.Since(start).Seconds()
	for _, err := range failed {
		if err != nil {
			b.Fatal(fmt.Errorf("update: %w", err))
		}
	}
	return rate
}
