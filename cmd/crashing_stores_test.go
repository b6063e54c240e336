package cmd

import (
	"context"
	"log"
	"os"
	"sync"
	"sync/atomic"

	"github.com/sessbench/sessbench/internal/child"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/strategies"
)

// crashOnce names a file that is made by the first process that crashes of it, and keeps further ones from it.
const crashOnce = "SESSBENCH_TEST_ONCE"

// crashing is a store whose updates, from the 20th of a process on, do what ends the process.
type crashing struct {
	manager.SessionStore[manager.Session]
	do func()
}

func (s *crashing) Update(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error {
	if crashingUpdates.Add(1) >= 20 {
		s.do()
	}
	return s.SessionStore.Update(ctx, id, fn)
}

var crashingUpdates atomic.Int64

// forever keeps a user inside the store until the process is gone.
func forever() { <-make(chan struct{}) }

// crashInMap writes to a map from several goroutines until the runtime notices.
func crashInMap() {
	m := map[int]int{}
	for range 4 {
		go func() {
			for n := 0; ; n++ {
				m[n%10]++
			}
		}()
	}
	forever()
}

// crashingStores are a build with stores that end the process, each in its own way, and with correct ones beside them.
func crashingStores() (opts []Option) {
	add := func(name string, open func() manager.SessionStore[manager.Session]) {
		opts = append(opts, WithStore(unsoundStrategy(name, func() (manager.SessionStore[manager.Session], error) { return open(), nil })))
	}
	for name, do := range map[string]func(){
		"mapping":   crashInMap,
		"panicking": func() { go panic("the janitor tripped"); forever() },
		"exiting":   func() { os.Exit(3) },
		"logging":   func() { log.Fatal("no space left on device") },
		"unlocking": func() { new(sync.Mutex).Unlock() },
		"killed":    func() { killOurselves(); forever() },
		"quitting":  func() { quitOurselves(); forever() }, // with the stacks of all goroutines, as on Ctrl-\
		"hanging":   forever,
		"unlucky": func() { // killed by another process, once
			if f, err := os.OpenFile(os.Getenv(crashOnce), os.O_CREATE|os.O_EXCL, 0o600); err == nil {
				f.Close()
				killOurselves()
				forever()
			}
		},
	} {
		add(name, func() manager.SessionStore[manager.Session] {
			return &crashing{strategies.NewPerSession[manager.Session](), do}
		})
	}
	// A store that works at first. Then its process ends as one does that cannot write its replies.
	add("mute", func() manager.SessionStore[manager.Session] {
		do := func() {}
		if muteOpened.Add(1) == 6 {
			do = func() { os.Exit(child.ExitNoAnswer) }
		}
		return &crashing{strategies.NewPerSession[manager.Session](), do}
	})
	// A store that leaves a goroutine behind, which crashes the process when another store is used, and a correct one that
	// is used then.
	add("leaving", func() manager.SessionStore[manager.Session] {
		s := strategies.NewPerSession[manager.Session]()
		if !leftBehind.Swap(true) {
			go func() {
				<-visited
				panic("left behind")
			}()
		}
		return s
	})
	add("visiting", func() manager.SessionStore[manager.Session] {
		return &crashing{strategies.NewPerSession[manager.Session](), func() {
			if leftBehind.Load() {
				visitOnce.Do(func() { close(visited) })
				forever()
			}
		}}
	})
	return opts
}

var (
	muteOpened atomic.Int32
	leftBehind atomic.Bool
	visited    = make(chan struct{})
	visitOnce  sync.Once
)
