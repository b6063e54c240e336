package verify

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/sessbench/sessbench/internal/goroutine"
	"github.com/sessbench/sessbench/manager"
)

// operation is an operation of an observation on a goroutine of its own.
type operation struct {
	done      chan struct{} // closed when it has returned
	err       error         // set before done is closed
	goroutine string
}

// start calls f on a new goroutine.
func (p *probe) start(f func() error) *operation {
	o, started := &operation{done: make(chan struct{})}, make(chan struct{})
	p.running.Go(func() {
		defer close(o.done)
		p.round.watchdog.adopt()
		o.goroutine = thisGoroutine()
		close(started)
		o.err = p.noted(f())
	})
	<-started
	return o
}

func (o *operation) returned() bool {
	select {
	case <-o.done:
		return true
	default:
		return false
	}
}

// waiting reports whether all operations that have not returned wait, for each other or for the store.
func waiting(operations []*operation) bool {
	all := goroutine.All()
	return !slices.ContainsFunc(operations, func(o *operation) bool {
		return !o.returned() && slices.ContainsFunc(all, func(g goroutine.Goroutine) bool { return g.ID == o.goroutine && !g.Waits() })
	})
}

// The bounds of settle.
const (
	settleStep  = time.Millisecond
	settleLimit = 20 * time.Millisecond
)

// settle gives operations time to return, or to wait. How long it lasts decides how sharp an observation is, and never its result.
func settle(operations ...*operation) {
	left := func() bool { return slices.ContainsFunc(operations, func(o *operation) bool { return !o.returned() }) }
	for quiet, end := 0, time.Now().Add(settleLimit); quiet < 2 && left() && time.Now().Before(end); {
		time.Sleep(settleStep)
		if quiet++; !waiting(operations) {
			quiet = 0
		}
	}
}

// holder is an update that holds a session until it is released, and then changes it.
type holder struct {
	*operation
	release func()
}

// hold starts an update of a session and returns when its closure runs, or when it has returned without that. A store that runs the
// closure again does not wait again.
func (p *probe) hold(id manager.ID, change func(context.Context, *manager.Session) error) *holder {
	inside, let := make(chan struct{}), make(chan struct{})
	var once sync.Once
	enter := func() { once.Do(func() { close(inside) }) }
	o := p.start(func() error {
		defer enter()
		return p.round.store.Update(context.Background(), id, func(ctx context.Context, s *manager.Session) error {
			enter()
			<-let
			return change(ctx, s)
		})
	})
	<-inside
	return &holder{o, func() { close(let) }}
}
