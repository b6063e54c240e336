package duet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
)

// A process that runs in time slices writes these bytes to its stdout, and waits after each of the first two for a byte on
// its stdin, any byte, which begins the next time slice.
const (
	sliceOver = 't' // its time slice is over; at first: it is ready
	finished  = 'f' // its last time slice is over: after the next byte it audits and prints its document
	printing  = '{' // its document begins: its store does not work or hangs, and there are no more time slices
)

// The bounds of a time slice.
const (
	shortest = 2 * time.Millisecond
	longest  = 50 * time.Millisecond
)

// Sliced reports whether the processes of a block can run in time slices of milliseconds: users must wait for nothing but
// locks that are held for no time, the start must not be part of what is measured, and the time slice must not become too long.
func Sliced(s scenarios.Scenario) bool {
	return s.Hold <= 0 && !s.Sleeps() && !s.Load.Open() && !s.Ramp.Some() && s.Iterations == 0 && !s.Sweeps() && !s.NoWarmUp && TimeSlice(s) <= longest
}

// TimeSlice is the length of a time slice. In each one every user is woken and stopped once, which must take a negligible
// part of it.
func TimeSlice(s scenarios.Scenario) time.Duration {
	const usersPerSlice = 100
	return shortest * time.Duration(max(1, s.Users/usersPerSlice))
}

// interleaved samples all arms at the same time. Their processes are started one by one in this order. Then each has the
// machine for one time slice after another, in an order that is drawn anew for every round. When one has had its last time
// slice the others go on. Then one after the other audits.
//
// The speed of a shared machine changes within seconds, for example with the processor that a cache is close to. Time slices
// of milliseconds expose all arms to the same changes.
func (d *duet) interleaved(ctx context.Context, block int, row Row, order []int) ([]*result.Document, error) {
	d.report(Step{Row: row.Label, Block: block})
	docs := make([]*result.Document, len(d.Arms))
	processes := make([]*process, len(d.Arms))
	for _, i := range order {
		p, err := d.start(ctx, d.Arms[i], row)
		if err != nil {
			return nil, err
		}
		defer p.end()
		processes[i] = p
		if docs[i], err = p.await(); err != nil {
			return nil, err
		}
	}
	if err := d.run(block, processes, docs); err != nil {
		return nil, err
	}
	for _, i := range order {
		if p := processes[i]; p.state == finished {
			err := p.resume()
			if err == nil {
				docs[i], err = p.document()
			}
			if err != nil {
				return nil, err
			}
		}
		d.done++
	}
	return docs, nil
}

// run gives the processes their time slices until each has had its last.
func (d *duet) run(block int, processes []*process, docs []*result.Document) error {
	rng := rand.New(rand.NewPCG(d.Seed, uint64(block)))
	waits := func(p *process) bool { return p.state == sliceOver }
	for slices.ContainsFunc(processes, waits) {
		for _, order := range orders(rng, len(processes), 6) {
			for _, i := range order {
				p := processes[i]
				if !waits(p) {
					continue
				}
				err := p.resume()
				if err == nil {
					docs[i], err = p.await()
				}
				if err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// resume begins the process's next time slice.
func (p *process) resume() error {
	if _, err := p.Input.Write([]byte{sliceOver}); err != nil {
		return p.lost(err)
	}
	return nil
}

// await waits until the process waits, and sets its state. It returns the document of a process that has printed it.
func (p *process) await() (*result.Document, error) {
	var err error
	p.state, err = p.out.ReadByte()
	switch {
	case errors.Is(err, io.EOF):
		return nil, p.lost(errors.New("it ended without output: is it a build of this program?"))
	case err != nil:
		return nil, p.lost(err)
	case p.state == printing:
		_ = p.out.UnreadByte()
		return p.document()
	case p.state != sliceOver && p.state != finished:
		err = fmt.Errorf("it wrote %q at the end of a time slice", p.state)
		p.release()
		p.Kill()
		return nil, p.failed(err)
	}
	return nil, nil
}

// lost describes why a process does not answer: how it died, if it died.
func (p *process) lost(err error) error {
	p.Input.Close()
	if died := p.wait(); died != nil {
		err = died
	}
	return p.failed(err)
}
