package runner

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// slots is the table of sessions that a user sees, by slot: shared and read-only, or with OwnSessions
// written by this user alone. There the zero id marks a slot without a session.
type slots struct {
	ids     []manager.ID
	numbers []uint32 // of the sessions whose histories are recorded; 0: it is not. Empty where none is
	first   uint32   // number of slot 0 among all users' slots
	used    []int64  // of a target that is swept: when the last confirmed use began, on the trial's clock
}

// number returns the number of the recorded session in a slot; 0: it is not recorded. Hot path.
func (s *slots) number(slot uint32) uint32 {
	if int(slot) >= len(s.numbers) {
		return 0
	}
	return s.numbers[slot]
}

// numbersOf returns the part of the numbers that belongs to the slots of one user.
func (s *slots) numbersOf(own *slots) []uint32 { return s.numbers[own.first:][:len(own.ids)] }

// absent reports whether a slot of the user's own has no session. Hot path.
func (s *slots) absent(slot uint32) bool { return s.ids[slot] == manager.ID{} }

// makeSlots makes the table of shared sessions. All but the first participant get it from the first.
func (tr *trial) makeSlots() (err error) {
	sc := tr.setup.scenario
	if !tr.setup.part.first() {
		tr.sessions.ids, err = tr.setup.part.awaitStart(tr.ctx)
	} else if !sc.OwnSessions {
		tr.sessions.ids = make([]manager.ID, sc.Slots())
	}
	if sc.Driver == scenarios.StoreDriver {
		tr.rules.IDs = tr.sessions.ids
	}
	return err
}

// preload has the preloaders create the initial sessions, where they are not there yet: each makes
// every n-th of the shared sessions, or the sessions of every n-th user.
func (tr *trial) preload() (err error) {
	sc := tr.setup.scenario
	switch {
	case sc.OwnSessions && !sc.StartsEmpty:
	case !tr.setup.part.first():
		return nil
	case sc.StartsEmpty: // the users create the sessions, under these ids if they are shared
		for i := range tr.sessions.ids {
			if tr.sessions.ids[i], err = uuid.NewRandom(); err != nil {
				return err
			}
		}
		return nil
	}
	n := len(tr.users.preloaders)
	return forEach(n, func(i int) (err error) {
		k := tr.users.preloaders[i]
		if !sc.OwnSessions {
			return k.fill(tr.sessions, i, n)
		}
		for at := i; at < len(tr.users.active) && err == nil; at += n {
			of := tr.users.active[at].slots
			if tr.sessions.numbers != nil {
				of.numbers = tr.sessions.numbersOf(&of)
			}
			err = k.fill(of, 0, 1)
		}
		return err
	})
}

// Preparing is the progress of creating a trial's initial sessions.
type Preparing struct {
	Made, Sessions int
	Took           time.Duration // so far
}

// PreparingEvery is the time until preparing is first reported, and the interval of further reports.
const PreparingEvery = 2 * time.Second

// withProgress calls prepare. While that takes long, the callback is called, on this goroutine, and once more, with the zero
// value, at the end.
func (tr *trial) withProgress(prepare func() error) error {
	if tr.setup.on.Preparing == nil {
		return prepare()
	}
	sessions := tr.setup.scenario.Slots()
	if tr.setup.scenario.OwnSessions { // each participant makes its own users'
		sessions = tr.setup.scenario.SlotsPerUser() * len(tr.users.active)
	}
	done := make(chan error, 1)
	created := time.Now()
	go func() { done <- prepare() }()
	tick := time.NewTicker(PreparingEvery)
	defer tick.Stop()
	for reported := false; ; reported = true {
		select {
		case err := <-done:
			if reported {
				tr.setup.on.Preparing(Preparing{})
			}
			return err
		case <-tick.C:
			tr.setup.on.Preparing(Preparing{int(tr.made.Load()), sessions, time.Since(created)})
		}
	}
}

// fill makes sessions in some of the slots, each with the scenario's messages.
func (u *user) fill(of slots, from, stride int) error {
	u.slots = of
	for i := from; i < len(of.ids); i += stride {
		if i%1024 < stride && u.trial.ctx.Err() != nil {
			return context.Cause(u.trial.ctx)
		}
		slot, op := u.trial.setup.slotOf(i), scenarios.Create
		for range 1 + u.trial.setup.scenario.Prefill {
			if err := u.prepare(op, uint32(slot)); err != nil {
				return err
			}
			op = scenarios.Append
		}
		u.trial.made.Add(1)
	}
	return nil
}

// prepare does an operation before the barrier, and records it.
func (u *user) prepare(op scenarios.Op, slot uint32) error {
	defer u.progress.Add(1)
	return u.trial.untilAnswered(func() error {
		err := u.do(op, slot, 0)
		switch {
		case err == nil:
			u.recording.preparation(op, slot)
		case u.trial.remote && errors.Is(err, manager.ErrIndeterminate):
			u.noteError(op, slot, err)
		}
		return err
	})
}

// Nothing is measured before and after the window, so requests without a response from a remote store are repeated there.

// again is the pause before that, and lenient how long it goes on.
const (
	again   = 20 * time.Millisecond
	lenient = 10 * time.Second
)

// untilAnswered calls do until it is answered, within reason.
func (tr *trial) untilAnswered(do func() error) error {
	for end := time.Now().Add(min(lenient, tr.setup.patience)); ; {
		err := do()
		if !tr.unanswered(err) || errors.Is(err, scenarios.ErrUnavailable) || tr.ctx.Err() != nil ||
			time.Now().After(end) {
			return err
		}
		select {
		case <-time.After(again):
		case <-tr.ctx.Done():
		}
	}
}

// forEach runs do(0..n-1) concurrently and returns the first error. A panic is propagated to the caller.
func forEach(n int, do func(i int) error) error {
	var (
		doing    sync.WaitGroup
		failed   = make([]error, n)
		panicked = make([]any, n)
	)
	for i := range n {
		doing.Go(func() {
			defer func() { panicked[i] = recover() }()
			failed[i] = do(i)
		})
	}
	doing.Wait()
	for i, err := range failed {
		if panicked[i] != nil {
			panic(panicked[i])
		}
		if err != nil {
			return err
		}
	}
	return nil
}
