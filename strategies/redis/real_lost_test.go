package redis_test

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sessbench/sessbench/internal/redistest"
	"github.com/sessbench/sessbench/strategies/redis"
)

// faultInjector decides the fates of commands that go through proxies.
type faultInjector struct {
	on   atomic.Bool
	seen atomic.Int64 // commands while it was on
}

// judge loses requests and answers of all kinds, except those that connections begin with.
func (f *faultInjector) judge(words []string) Fate {
	harmless := []string{"hello", "auth", "select", "client", "ping", "info", "command", "cluster", "readonly", "asking"}
	if !f.on.Load() || slices.Contains(harmless, strings.ToLower(words[0])) {
		return Delivered
	}
	switch n := f.seen.Add(1); {
	case n%199 == 0:
		return AnswerHeld
	case n%13 == 0:
		return AnswerLost
	case n%17 == 0:
		return RequestLost
	}
	return Delivered
}

// TestRealLostAnswers: when answers are lost, no write is made twice, and none that was acknowledged is lost.
func TestRealLostAnswers(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	for _, way := range ways() {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			f := &faultInjector{}
			p := NewProxy(t, server.Addr(), f.judge)
			report(t, f.run(t, way, redis.Options{URL: p.URL()}, []*Proxy{p}, inPlace(150)))
		})
	}
}

// inPlace has users do so many operations each on sessions whose slots do not move.
func inPlace(each int) func(*load) []operation {
	return func(l *load) []operation { return l.run(faultUsers, func(n int) bool { return n < each }) }
}

const (
	faultUsers    = 8
	faultSessions = 6
)

// run has users work on few sessions through proxies that lose commands, and returns what the audit finds.
func (f *faultInjector) run(
	t *testing.T, way way, o redis.Options, proxies []*Proxy, work func(*load) []operation,
) (violations []string) {
	t.Helper()
	o.Users, o.ReadTimeout = faultUsers, 250*time.Millisecond // only held answers take so long, or a very slow machine
	before := connect(t, o)
	l := newLoad(way.open(t, before.Client(), before.Prefix()), faultSessions, patience)
	was := lost(proxies)
	f.on.Store(true)
	ops := work(l)

	before.Client().Close() // abandoned commands may still be in flight
	for _, p := range proxies {
		p.AwaitIdle(t)
	}
	f.on.Store(false)
	if lost(proxies) == was || tally(ops)["ok"] == 0 {
		t.Errorf("%d answers were lost, and the outcomes are %v: want some of both", lost(proxies)-was, tally(ops))
	}
	o.ReadTimeout = 0
	return l.settle(t, ops, way.open(t, connect(t, o).Client(), before.Prefix()))
}

// lost returns the number of answers that proxies have lost.
func lost(proxies []*Proxy) (n int64) {
	for _, p := range proxies {
		n += p.Count(AnswerLost)
	}
	return n
}
