package strategies_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"sync"
	"time"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/strategies"
)

// A sweep that removes nothing reads all sessions as they are at one instant.
func ExampleGlobal() {
	ctx := context.Background()
	seats := strategies.NewGlobal[int]()
	defer seats.Close()
	for tour, free := range map[string]int{"harbour": 12, "castle": 30} {
		if _, err := seats.GetOrCreate(ctx, manager.IDFromString(tour), func() int { return free }, nil); err != nil {
			log.Fatal(err)
		}
	}

	total := 0
	_, err := seats.Sweep(ctx, func(_ manager.ID, free *int) bool {
		total += *free
		return false // stays
	}, nil)
	fmt.Println(total, err)
	// Output: 42 <nil>
}

// Two readers use one session at the same time: each waits there for the other.
func ExampleGlobalRW() {
	ctx := context.Background()
	pages := strategies.NewGlobalRW[string]()
	defer pages.Close()
	id := manager.IDFromString("start page")
	if _, err := pages.GetOrCreate(ctx, id, func() string { return "Welcome" }, nil); err != nil {
		log.Fatal(err)
	}

	var inside, ended sync.WaitGroup
	inside.Add(2)
	read := func(_ context.Context, page *string) error {
		inside.Done()
		inside.Wait()
		fmt.Println(*page)
		return nil
	}
	for range 2 {
		ended.Go(func() {
			if err := pages.View(ctx, id, read); err != nil {
				log.Fatal(err)
			}
		})
	}
	ended.Wait()
	// Output:
	// Welcome
	// Welcome
}

// A transfer holds two sessions. All transfers take them in the order of their ids, so that no two wait for each other.
func ExamplePerSession() {
	ctx := context.Background()
	accounts := strategies.NewPerSession[int]()
	defer accounts.Close()
	ada, grace := manager.IDFromString("ada"), manager.IDFromString("grace")
	for _, id := range []manager.ID{ada, grace} {
		if _, err := accounts.GetOrCreate(ctx, id, func() int { return 100 }, nil); err != nil {
			log.Fatal(err)
		}
	}

	transfer := func(from, to manager.ID, amount int) error {
		first, second, change := from, to, -amount
		if bytes.Compare(first[:], second[:]) > 0 {
			first, second, change = to, from, amount
		}
		return accounts.Update(ctx, first, func(ctx context.Context, balance *int) error {
			return accounts.Update(ctx, second, func(_ context.Context, other *int) error {
				*balance += change
				*other -= change
				return nil
			})
		})
	}
	var ended sync.WaitGroup
	var there, back error
	ended.Go(func() { there = transfer(ada, grace, 30) })
	ended.Go(func() { back = transfer(grace, ada, 10) })
	ended.Wait()
	fmt.Println(there, back)
	for _, id := range []manager.ID{ada, grace} {
		fmt.Println(accounts.Delete(ctx, id))
	}
	// Output:
	// <nil> <nil>
	// 80 <nil>
	// 120 <nil>
}

// Of many requests of a new visitor exactly one creates the session.
func ExampleSyncMap() {
	ctx := context.Background()
	visits := strategies.NewSyncMap[int]()
	defer visits.Close()
	id := manager.IDFromString("visitor 7")

	var requests sync.WaitGroup
	for range 100 {
		requests.Go(func() {
			created, err := visits.GetOrCreate(ctx, id, func() int { return 0 }, nil)
			if err != nil {
				log.Fatal(err)
			}
			if created {
				fmt.Println("welcome")
			}
			err = visits.Update(ctx, id, func(_ context.Context, n *int) error {
				*n++
				return nil
			})
			if err != nil {
				log.Fatal(err)
			}
		})
	}
	requests.Wait()
	fmt.Println(visits.Delete(ctx, id))
	// Output:
	// welcome
	// 100 <nil>
}

// The number of shards is rounded up to a power of two. Sessions in the same shard wait for each other, so closures should be short.
func ExampleSharded() {
	ctx := context.Background()
	clicks := strategies.NewSharded[int](100)
	defer clicks.Close()
	fmt.Println(clicks.Shards(), "shards")

	id := manager.IDFromString("banner")
	if _, err := clicks.GetOrCreate(ctx, id, func() int { return 0 }, nil); err != nil {
		log.Fatal(err)
	}
	err := clicks.Update(ctx, id, func(_ context.Context, n *int) error {
		*n++
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(clicks.Delete(ctx, id))
	// Output:
	// 128 shards
	// 1 <nil>
}

// With PerSession each session has a goroutine, on which its closures run and which ends with it.
func ExampleActor() {
	ctx := context.Background()
	rooms := strategies.NewActor[[]string](strategies.ActorOptions{PerSession: true})
	defer rooms.Close() // ends the goroutines
	lobby, garden := manager.IDFromString("lobby"), manager.IDFromString("garden")
	for _, id := range []manager.ID{lobby, garden} {
		if _, err := rooms.GetOrCreate(ctx, id, func() []string { return nil }, nil); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(rooms.Census().Goroutines, "goroutines")

	err := rooms.Update(ctx, lobby, func(_ context.Context, guests *[]string) error {
		*guests = append(*guests, "ada")
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(rooms.Delete(ctx, lobby))
	fmt.Println(rooms.Census().Goroutines, "goroutine")
	// Output:
	// 2 goroutines
	// [ada] <nil>
	// 1 goroutine
}

// An update works on a copy of the session, here with a slice of its own, so that one that fails leaves no trace.
func ExampleCOW() {
	type order struct{ items []string }
	ctx := context.Background()
	orders := strategies.NewCOW(func(from, to *order) {
		to.items = append(to.items[:0], from.items...) // uses the memory that the copy before had
	})
	defer orders.Close()
	id := manager.IDFromString("order 1")
	if _, err := orders.GetOrCreate(ctx, id, func() order { return order{items: []string{"tea"}} }, nil); err != nil {
		log.Fatal(err)
	}

	soldOut := errors.New("sold out")
	err := orders.Update(ctx, id, func(_ context.Context, o *order) error {
		o.items = append(o.items, "milk")
		return soldOut
	})
	fmt.Println(err)
	err = orders.View(ctx, id, func(_ context.Context, o *order) error {
		fmt.Println(o.items)
		return nil
	})
	fmt.Println(err)
	// Output:
	// sold out
	// [tea]
	// <nil>
}

// A function that updates a session can be called by another one that holds it, with the ctx that this one got.
func ExampleReentrant() {
	type player struct{ points, level int }
	ctx := context.Background()
	players := strategies.NewReentrant[player]()
	defer players.Close()
	id := manager.IDFromString("ada")
	if _, err := players.GetOrCreate(ctx, id, func() player { return player{} }, nil); err != nil {
		log.Fatal(err)
	}

	score := func(ctx context.Context, points int) error {
		return players.Update(ctx, id, func(_ context.Context, p *player) error {
			p.points += points
			return nil
		})
	}
	err := players.Update(ctx, id, func(ctx context.Context, p *player) error {
		p.level++
		if err := score(ctx, 10); err != nil { // does not wait for itself
			return err
		}
		fmt.Println("level", p.level, "with", p.points, "points")
		return nil
	})
	fmt.Println(err)
	// Output:
	// level 1 with 10 points
	// <nil>
}

// A request gives up while the session is busy. What it did not do, it has not done in part either.
func ExampleCancellable() {
	ctx := context.Background()
	drafts := strategies.NewCancellable[string]()
	defer drafts.Close()
	id := manager.IDFromString("letter")
	if _, err := drafts.GetOrCreate(ctx, id, func() string { return "Dear" }, nil); err != nil {
		log.Fatal(err)
	}

	busy, release := make(chan struct{}), make(chan struct{})
	var slow sync.WaitGroup
	slow.Go(func() {
		err := drafts.Update(ctx, id, func(_ context.Context, text *string) error {
			close(busy)
			<-release // a call of a language model, say
			*text += " Ada,"
			return nil
		})
		if err != nil {
			log.Fatal(err)
		}
	})
	<-busy
	impatient, cancel := context.WithTimeout(ctx, time.Millisecond)
	defer cancel()
	err := drafts.Update(impatient, id, func(_ context.Context, text *string) error {
		*text = ""
		return nil
	})
	fmt.Println(errors.Is(err, manager.ErrNotApplied), errors.Is(err, context.DeadlineExceeded))

	close(release)
	slow.Wait()
	fmt.Println(drafts.Delete(ctx, id))
	// Output:
	// true true
	// Dear Ada, <nil>
}

// Sessions that were not used for an hour are removed, one at a time, while the others are used. The final state of each is passed on.
func ExampleXsync() {
	type session struct {
		user string
		used time.Time
	}
	ctx := context.Background()
	sessions := strategies.NewXsync[session]()
	defer sessions.Close()
	now := time.Date(2026, time.December, 1, 12, 0, 0, 0, time.UTC)
	for user, idle := range map[string]time.Duration{"ada": 2 * time.Hour, "grace": time.Minute} {
		_, err := sessions.GetOrCreate(ctx, manager.IDFromString(user), func() session { return session{user, now.Add(-idle)} }, nil)
		if err != nil {
			log.Fatal(err)
		}
	}

	fmt.Println(sessions.Sweep(ctx,
		func(_ manager.ID, s *session) bool { return now.Sub(s.used) > time.Hour },
		func(_ manager.ID, last session) { fmt.Println("goodbye,", last.user) }))
	// Output:
	// goodbye, ada
	// 1 <nil>
}

// A session from its creation to its removal.
func ExampleCLHT() {
	type cart struct{ items []string }
	ctx := context.Background()
	carts := strategies.NewCLHT[cart]()
	defer carts.Close()
	id := manager.IDFromString("customer 42") // the same id in every process

	created, err := carts.GetOrCreate(ctx, id, func() cart { return cart{} }, nil)
	fmt.Println(created, err)
	err = carts.Update(ctx, id, func(_ context.Context, c *cart) error {
		c.items = append(c.items, "tea") // nothing else uses this cart meanwhile
		return nil
	})
	fmt.Println(err)
	last, err := carts.Delete(ctx, id)
	fmt.Println(last.items, err)
	_, err = carts.Delete(ctx, id)
	fmt.Println(errors.Is(err, manager.ErrNotFound))
	// Output:
	// true <nil>
	// <nil>
	// [tea] <nil>
	// true
}

// A strategy by its name on the command line, with a setting, such as a server reads from its configuration.
func ExampleLookup() {
	sharded, ok := strategies.Lookup("sharded")
	if !ok {
		log.Fatal("no such strategy")
	}
	values, err := sharded.Resolve(map[string]string{"shards": "64"})
	if err != nil {
		log.Fatal(err)
	}
	store, err := sharded.Open(values)
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	ctx := context.Background()
	bot := manager.NewChatbot(store)
	id, err := bot.CreateSession(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(bot.AddMessage(ctx, id, "user", "Is the library open?"))
	// Output: 1 <nil>
}
