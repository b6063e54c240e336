package redis_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
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

// book is where ledgers are kept, in one of the ways that there are in Redis.
type book interface {
	// begin makes the session, unless it is there, and tells its life.
	begin(ctx context.Context, id manager.ID, name string) (life string, created bool, err error)

	// add makes an update, and tells its number in which life.
	add(ctx context.Context, id manager.ID, name string) (life string, number int, err error)

	// end removes the session.
	end(ctx context.Context, id manager.ID) (*ledger, error)

	read(ctx context.Context, id manager.ID) (*ledger, error)
}

// storeBook keeps ledgers in a store.
type storeBook struct {
	manager.SessionStore[ledger]
}

func (b storeBook) begin(ctx context.Context, id manager.ID, name string) (life string, created bool, err error) {
	life = name // if it begins one
	created, err = b.GetOrCreate(ctx, id, func() ledger { return ledger{Life: name} }, func(l *ledger) { life = l.Life })
	return life, created, err
}

func (b storeBook) add(ctx context.Context, id manager.ID, name string) (life string, number int, err error) {
	err = b.Update(ctx, id, func(_ context.Context, l *ledger) error {
		if rand.N(8) == 0 {
			time.Sleep(2 * time.Millisecond) // in which the session may end and begin anew
		}
		l.Ops = append(l.Ops, name)
		l.Count = len(l.Ops)
		life, number = l.Life, l.Count
		return nil
	})
	return life, number, err
}

func (b storeBook) end(ctx context.Context, id manager.ID) (*ledger, error) {
	last, err := b.Delete(ctx, id)
	return &last, err
}

func (b storeBook) read(ctx context.Context, id manager.ID) (*ledger, error) {
	var found ledger
	err := b.View(ctx, id, func(_ context.Context, l *ledger) error {
		found = *l
		return nil
	})
	return &found, err
}

// listBook keeps ledgers as message lists.
type listBook struct{ *redis.Lists }

func (b listBook) begin(ctx context.Context, id manager.ID, _ string) (life string, created bool, err error) {
	created, n, err := b.GetOrCreate(ctx, id)
	if err != nil {
		return "", false, err // the life would have had another name
	}
	return fmt.Sprint(n), created, nil
}

func (b listBook) add(ctx context.Context, id manager.ID, name string) (life string, number int, err error) {
	seq, n, err := b.AddMessage(ctx, id, "user", name)
	return fmt.Sprint(n), int(seq), err
}

func (b listBook) end(ctx context.Context, id manager.ID) (*ledger, error) {
	last, err := b.Delete(ctx, id)
	return listed(last.Incarnation, last.History(nil)), err
}

func (b listBook) read(ctx context.Context, id manager.ID) (*ledger, error) {
	messages, life, err := b.History(ctx, id, nil)
	return listed(life, messages), err
}

// listed is a ledger of which only these messages are kept.
func listed(life uint64, messages []manager.Message) *ledger {
	l := &ledger{Life: fmt.Sprint(life)}
	for _, m := range messages {
		l.Count, l.Ops = int(m.Seq), append(l.Ops, m.Content)
	}
	return l
}

// way is one of the ways to keep sessions in Redis.
type way struct {
	name string
	open func(t *testing.T, client goredis.UniversalClient, prefix string) book
}

// ways are all of them.
func ways() []way {
	all := storeWays()
	for _, pipelining := range []bool{false, true} {
		all = append(all, way{name("list", pipelining), func(t *testing.T, client goredis.UniversalClient, prefix string) book {
			l, err := redis.NewLists(client, prefix, redis.ListsOptions{Pipelining: pipelining})
			if err != nil {
				t.Fatal(err)
			}
			return listBook{l}
		}})
	}
	return all
}

// storeWays are those of stores. A lock that nobody can give back is soon free, so that the rest of a test is not spent waiting.
func storeWays() (all []way) {
	for _, k := range kinds {
		all = append(all, way{k.String(), func(t *testing.T, client goredis.UniversalClient, prefix string) book {
			s, err := redis.New[ledger](client, prefix,
				redis.WithAtomic(k.atomic), redis.WithPipelining(k.pipelining), redis.WithLockExpiry(200*time.Millisecond))
			if err != nil {
				t.Fatal(err)
			}
			return storeBook{s}
		}})
	}
	return all
}

// connect connects through sessbench's own options. The server and its keys go with the test.
func connect(t *testing.T, o redis.Options) *redis.Server {
	t.Helper()
	s, err := redis.Connect(background, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Client().Close() })
	return s
}

// load is what users do to a few sessions in a book: mostly updates, with creations and deletions between them.
type load struct {
	book    book
	ids     []manager.ID
	timeout time.Duration // of each operation

	ok, failed atomic.Int64 // operations so far
	longest    atomic.Int64 // of them, in nanoseconds
}

func newLoad(b book, sessions int, timeout time.Duration) *load {
	l := &load{book: b, timeout: timeout}
	for range sessions {
		l.ids = append(l.ids, uuid.New())
	}
	return l
}

// run has users work, each as long as more says so, and returns what they did.
func (l *load) run(users int, more func(n int) bool) []deed {
	all := make([][]deed, users)
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
func (l *load) do(does verb, id manager.ID, name string) deed {
	d := deed{does: does, id: id, name: name}
	ctx, cancel := context.WithTimeout(background, l.timeout)
	defer cancel()
	start := time.Now()
	switch does {
	case creates:
		d.life, d.created, d.err = l.book.begin(ctx, id, name)
	case adds:
		d.life, d.number, d.err = l.book.add(ctx, id, name)
	case removes:
		d.last, d.err = l.book.end(ctx, id)
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
		time.Sleep(time.Millisecond) // nobody asks a server that is down as fast as it can
	}
	if d.err != nil {
		d.last = nil
	}
	return d
}

// settle reads what is there in the end, and returns what the judge finds. Nothing may happen to b's connection, or be on
// its way any more.
func (l *load) settle(t *testing.T, deeds []deed, b book) (faults []string) {
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
	t.Logf("%d operations: %v, the longest took %v", len(deeds), tally(deeds), time.Duration(l.longest.Load()))
	return judge(deeds, final)
}

// report fails the test with what the judge has found.
func report(t *testing.T, faults []string) {
	t.Helper()
	for _, f := range faults[:min(len(faults), 10)] {
		t.Error(f)
	}
}

// during has users work while event goes on, and returns what they did.
func (l *load) during(users int, event func()) (deeds []deed) {
	var over atomic.Bool
	var work sync.WaitGroup
	work.Go(func() { deeds = l.run(users, func(int) bool { return !over.Load() }) })
	defer work.Wait() // also when event fails the test
	defer over.Store(true)
	event()
	over.Store(true)
	work.Wait()
	return deeds
}

// await returns when so many more operations have been counted. It fails the test when they take for ever.
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
