package redis_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	goredis "github.com/redis/go-redis/v9"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/strategies/redis"
)

var background = context.Background()

// long selects the long form of the tests, as make long does.
var long = os.Getenv("SESSBENCH_TEST_LONG") != ""

// part returns every n-th element of all from the first on, and all of them in the long form.
func part[T any](all []T, first, n int) (some []T) {
	if long {
		return all
	}
	for i := first; i < len(all); i += n {
		some = append(some, all[i])
	}
	return some
}

// backend keeps ledgers in Redis, in one of several ways.
type backend interface {
	// begin creates the session if it is absent, and returns its incarnation.
	begin(ctx context.Context, id manager.ID, name string) (incarnation string, created bool, err error)

	// add makes an update, and returns the incarnation and the number of the update in it.
	add(ctx context.Context, id manager.ID, name string) (incarnation string, number int, err error)

	// end removes the session.
	end(ctx context.Context, id manager.ID) (*ledger, error)

	read(ctx context.Context, id manager.ID) (*ledger, error)
}

// storeBackend keeps ledgers in a store.
type storeBackend struct {
	manager.SessionStore[ledger]
}

func (b storeBackend) begin(ctx context.Context, id manager.ID, name string) (incarnation string, created bool, err error) {
	incarnation = name // if it creates one
	created, err = b.GetOrCreate(ctx, id, func() ledger { return ledger{Incarnation: name} }, func(l *ledger) { incarnation = l.Incarnation })
	return incarnation, created, err
}

func (b storeBackend) add(ctx context.Context, id manager.ID, name string) (incarnation string, number int, err error) {
	err = b.Update(ctx, id, func(_ context.Context, l *ledger) error {
		if rand.N(8) == 0 {
			time.Sleep(2 * time.Millisecond) // during which the session may be deleted and created again
		}
		l.Ops = append(l.Ops, name)
		l.Count = len(l.Ops)
		incarnation, number = l.Incarnation, l.Count
		return nil
	})
	return incarnation, number, err
}

func (b storeBackend) end(ctx context.Context, id manager.ID) (*ledger, error) {
	last, err := b.Delete(ctx, id)
	return &last, err
}

func (b storeBackend) read(ctx context.Context, id manager.ID) (*ledger, error) {
	var found ledger
	err := b.View(ctx, id, func(_ context.Context, l *ledger) error {
		found = *l
		return nil
	})
	return &found, err
}

// listBackend keeps ledgers as message lists.
type listBackend struct{ *redis.Lists }

func (b listBackend) begin(ctx context.Context, id manager.ID, _ string) (incarnation string, created bool, err error) {
	created, n, err := b.GetOrCreate(ctx, id)
	if err != nil {
		return "", false, err // name would not be that of the incarnation
	}
	return fmt.Sprint(n), created, nil
}

func (b listBackend) add(ctx context.Context, id manager.ID, name string) (incarnation string, number int, err error) {
	seq, n, err := b.AddMessage(ctx, id, "user", name)
	return fmt.Sprint(n), int(seq), err
}

func (b listBackend) end(ctx context.Context, id manager.ID) (*ledger, error) {
	last, err := b.Delete(ctx, id)
	return listed(last.Incarnation, last.History(nil)), err
}

func (b listBackend) read(ctx context.Context, id manager.ID) (*ledger, error) {
	messages, incarnation, err := b.History(ctx, id, nil)
	return listed(incarnation, messages), err
}

// listed returns a ledger of which only these messages are kept.
func listed(incarnation uint64, messages []manager.Message) *ledger {
	l := &ledger{Incarnation: fmt.Sprint(incarnation)}
	for _, m := range messages {
		l.Count, l.Ops = int(m.Seq), append(l.Ops, m.Content)
	}
	return l
}

// way is one of the ways to keep sessions in Redis.
type way struct {
	name string
	open func(t *testing.T, client goredis.UniversalClient, prefix string) backend
}

// ways are all of them.
func ways() []way {
	all := storeWays()
	for _, pipelining := range []bool{false, true} {
		all = append(all, way{name("list", pipelining), func(t *testing.T, client goredis.UniversalClient, prefix string) backend {
			l, err := redis.NewLists(client, prefix, redis.ListsOptions{Pipelining: pipelining})
			if err != nil {
				t.Fatal(err)
			}
			return listBackend{l}
		}})
	}
	return all
}

// storeWays are those of stores. Locks that cannot be released expire soon, so that tests do not wait for them.
func storeWays() (all []way) {
	for _, k := range kinds {
		all = append(all, way{k.String(), func(t *testing.T, client goredis.UniversalClient, prefix string) backend {
			s, err := redis.New[ledger](client, prefix,
				redis.WithAtomic(k.atomic), redis.WithPipelining(k.pipelining), redis.WithLockExpiry(200*time.Millisecond))
			if err != nil {
				t.Fatal(err)
			}
			return storeBackend{s}
		}})
	}
	return all
}

// connect connects with sessbench's own options. The server and its keys end with the test.
func connect(t *testing.T, o redis.Options) *redis.Server {
	t.Helper()
	s, err := redis.Connect(background, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Client().Close() })
	return s
}

// load has users work on a few sessions in a backend: mostly updates, with creations and deletions between them.
type load struct {
	backend backend
	ids     []manager.ID
	timeout time.Duration // of each operation

	ok, failed atomic.Int64 // operations so far
	longest    atomic.Int64 // of them, in nanoseconds
}

func newLoad(b backend, sessions int, timeout time.Duration) *load {
	l := &load{backend: b, timeout: timeout}
	for range sessions {
		l.ids = append(l.ids, uuid.New())
	}
	return l
}

// run has users work, each as long as more returns true, and returns their operations.
func (l *load) run(users int, more func(n int) bool) []operation {
	all := make([][]operation, users)
	var inside sync.WaitGroup
	for user := range users {
		inside.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(user), 5))
			does := creates
			for n := 0; more(n); n++ {
				d := l.do(does, l.ids[rng.IntN(len(l.ids))], fmt.Sprintf("%d.%d", user, n))
				all[user] = append(all[user], d)
				does = adds
				switch at := rng.IntN(100); {
				case errors.Is(d.err, manager.ErrNotFound), at < 5:
					does = creates
				case at < 20:
					does = removes
				}
			}
		})
	}
	inside.Wait()
	return slices.Concat(all...)
}

// do does one operation.
func (l *load) do(does verb, id manager.ID, name string) operation {
	d := operation{does: does, id: id, name: name}
	ctx, cancel := context.WithTimeout(background, l.timeout)
	defer cancel()
	start := time.Now()
	switch does {
	case creates:
		d.incarnation, d.created, d.err = l.backend.begin(ctx, id, name)
	case adds:
		d.incarnation, d.number, d.err = l.backend.add(ctx, id, name)
	case removes:
		d.last, d.err = l.backend.end(ctx, id)
	}
	for took := int64(time.Since(start)); ; {
		if longest := l.longest.Load(); took <= longest || l.longest.CompareAndSwap(longest, took) {
			break
		}
	}
	if d.err == nil || errors.Is(d.err, manager.ErrNotFound) {
		l.ok.Add(1)
	} else {
		l.failed.Add(1)
		time.Sleep(time.Millisecond) // do not flood a server that is down
	}
	if d.err != nil {
		d.last = nil
	}
	return d
}

// settle reads what is there in the end, and returns what the audit finds. Nothing may happen to b's connection, or be on
// its way any more.
func (l *load) settle(t *testing.T, ops []operation, b backend) (violations []string) {
	t.Helper()
	final := map[manager.ID]*ledger{}
	for _, id := range l.ids {
		found, err := b.read(background, id)
		if err == nil {
			final[id] = found
		} else if !errors.Is(err, manager.ErrNotFound) {
			t.Fatal(err)
		}
	}
	t.Logf("%d operations: %v, the longest took %v", len(ops), tally(ops), time.Duration(l.longest.Load()))
	return audit(ops, final)
}

// report fails the test if the audit has found violations.
func report(t *testing.T, violations []string) {
	t.Helper()
	for _, f := range violations[:min(len(violations), 10)] {
		t.Error(f)
	}
}

// during has users work while event runs, and returns their operations.
func (l *load) during(users int, event func()) (ops []operation) {
	var over atomic.Bool
	var work sync.WaitGroup
	work.Go(func() { ops = l.run(users, func(int) bool { return !over.Load() }) })
	defer work.Wait() // also when event fails the test
	defer over.Store(true)
	event()
	over.Store(true)
	work.Wait()
	return ops
}

// await returns when so many more operations have been counted. It fails the test when they take longer than patience.
func await(t *testing.T, counter *atomic.Int64, more int64, what string) {
	t.Helper()
	enough := counter.Load() + more
	for late := time.Now().Add(patience); counter.Load() < enough; time.Sleep(time.Millisecond) {
		if time.Now().After(late) {
			t.Fatalf("%d operations in %v %s: want %d", more-(enough-counter.Load()), patience, what, more)
		}
	}
}

// patience is how long anything may take on any machine.
const patience = 30 * time.Second
