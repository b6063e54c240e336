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

// weather is what befalls the commands that go through proxies.
type weather struct {
	stormy atomic.Bool
	seen   atomic.Int64 // commands in the storm
}

// judge loses requests and answers of all kinds, but for those that connections begin with.
func (w *weather) judge(words []string) redistest.Fate {
	harmless := []string{"hello", "auth", "select", "client", "ping", "info", "command", "cluster", "readonly", "asking"}
	if !w.stormy.Load() || slices.Contains(harmless, strings.ToLower(words[0])) {
		return redistest.Delivered
	}
	switch n := w.seen.Add(1); {
	case n%199 == 0:
		return redistest.AnswerHeld
	case n%13 == 0:
		return redistest.AnswerLost
	case n%17 == 0:
		return redistest.RequestLost
	}
	return redistest.Delivered
}

// TestRealLostAnswers: no write is made twice, and none that was acknowledged is lost, when answers do not come.
func TestRealLostAnswers(t *testing.T) {
	server := redistest.Start(t)
	w := &weather{}
	p := redistest.NewProxy(t, server.Addr(), w.judge)
	for _, way := range ways() {
		t.Run(way.name, func(t *testing.T) {
			report(t, w.storm(t, way, redis.Options{URL: p.URL()}, []*redistest.Proxy{p}, inPlace(150)))
		})
	}
}

// inPlace has users do so many operations each on sessions that stay where they are.
func inPlace(each int) func(*load) []deed {
	return func(l *load) []deed { return l.run(stormUsers, func(n int) bool { return n < each }) }
}

const (
	stormUsers    = 8
	stormSessions = 6
)

// storm has users work on few sessions through proxies, of which all are told, and returns what the judge finds.
func (w *weather) storm(
	t *testing.T, way way, o redis.Options, proxies []*redistest.Proxy, work func(*load) []deed,
) (faults []string) {
	t.Helper()
	o.Users, o.ReadTimeout = stormUsers, 250*time.Millisecond // only what is held back takes so long, or a very slow machine
	before := connect(t, o)
	l := newLoad(way.open(t, before.Client(), before.Prefix()), stormSessions, patience)
	was := lost(proxies)
	w.stormy.Store(true)
	deeds := work(l)

	before.Client().Close() // what it has given up may still be on its way
	for _, p := range proxies {
		p.AwaitIdle(t)
	}
	w.stormy.Store(false)
	if lost(proxies) == was || tally(deeds)["ok"] == 0 {
		t.Errorf("%d answers were lost, and users were told %v: want some of both", lost(proxies)-was, tally(deeds))
	}
	o.ReadTimeout = 0
	return l.settle(t, deeds, way.open(t, connect(t, o).Client(), before.Prefix()))
}

// lost is how many answers were lost on their way through proxies.
func lost(proxies []*redistest.Proxy) (n int64) {
	for _, p := range proxies {
		n += p.Count(redistest.AnswerLost)
	}
	return n
}
