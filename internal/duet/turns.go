package duet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"

	"github.com/sessbench/sessbench/internal/child"
	"github.com/sessbench/sessbench/reports/result"
)

// The words of a process that takes turns, a byte each on its stdout. It is answered by a byte on its stdin, any, which begins
// its next turn.
const (
	turnOver = 't' // it rests; the first time it is ready to begin
	finished = 'f' // it rests after its last turn: one more word, and it audits and prints its document
	printing = '{' // its document begins: its store would not work, or hangs, and there is nothing to wait for
)

// together samples all arms at the same time: their processes are started one by one in this order, and then each has the machine
// to itself for one turn at a time, in an order drawn anew for every round. A machine that is shared changes its
// speed by the second, by which processor's cache is near to which for example; turns of milliseconds have all arms see the
// same of it. When one has had its last turn the others go on; then one after the other audits.
func (d *duet) together(ctx context.Context, block int, row Row, order []int) ([]*result.Document, error) {
	d.report(Step{Row: row.Label, Block: block})
	running := make([]*player, len(d.Arms))
	for _, i := range order {
		p, err := d.start(ctx, d.Arms[i], row)
		if err != nil {
			return nil, err
		}
		defer p.end()
		if err := p.rests(); err != nil {
			return nil, err
		}
		running[i] = p
	}
	if err := d.play(block, running); err != nil {
		return nil, err
	}
	docs := make([]*result.Document, len(d.Arms))
	for _, i := range order {
		var err error
		if running[i].state == finished {
			err = running[i].begin()
		}
		if err == nil {
			docs[i], err = running[i].document()
		}
		if err != nil {
			return nil, err
		}
		d.done++
	}
	return docs, nil
}

// play gives the processes their turns until each has had its last.
func (d *duet) play(block int, running []*player) error {
	rng := rand.New(rand.NewPCG(d.Seed, uint64(block)))
	waits := func(p *player) bool { return p.state == turnOver }
	for slices.ContainsFunc(running, waits) {
		for _, order := range orders(rng, len(running), 6) {
			for _, i := range order {
				p := running[i]
				if !waits(p) {
					continue
				}
				if err := p.begin(); err != nil {
					return err
				}
				if err := p.rests(); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// begin begins the process's next turn.
func (p *player) begin() error {
	if _, err := p.in.Write([]byte{turnOver}); err != nil {
		return p.gone(err)
	}
	return nil
}

// rests waits until the process does nothing, and notes why.
func (p *player) rests() (err error) {
	p.state, err = p.out.ReadByte()
	switch {
	case errors.Is(err, io.EOF):
		return p.gone(errors.New("it ended without a word: is it a build of this program?"))
	case err != nil:
		return p.gone(err)
	case p.state == printing:
		return p.out.UnreadByte()
	case p.state != turnOver && p.state != finished:
		return p.stop(fmt.Errorf("it said %q where a turn ends", p.state))
	}
	return nil
}

// stop ends a process for a reason.
func (p *player) stop(why error) error {
	_ = child.EndGroup(p.Process) // it may be gone already
	_ = p.Wait()                  // what it said is whole then, and how it ended is no news
	return p.failed(why)
}

// gone says why a process does not answer: how it died, where it did.
func (p *player) gone(err error) error {
	p.in.Close()
	if died := p.Wait(); died != nil {
		err = died
	}
	return p.failed(err)
}
