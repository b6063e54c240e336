package duet

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/sessbench/sessbench/reports/result"
)

// The words of a process that takes turns, a byte each on its stdout. It is answered by a byte on its stdin, any, which begins
// its next turn.
const (
	turnOver = 't' // it rests; the first time it is ready to begin
	finished = 'f' // it rests after its last turn: one more word, and it audits and prints its document
)

// together samples all arms at the same time: their processes are started one by one in this order, and then each has the machine
// to itself for one turn at a time, in an order drawn anew for every round. A machine that is shared changes its
// speed by the second, by which processor's cache is near to which for example; turns of milliseconds have all arms see the
// same of it. When one has had its last turn the others go on; then one after the other audits.
func (d *duet) together(ctx context.Context, block int, row Row, order []int) ([]*result.Document, error) {
	d.report(Step{Row: row.Label, Block: block})
	running := make([]*process, len(d.Arms))
	for _, i := range order {
		p, err := d.start(ctx, d.Arms[i], row)
		if err != nil {
			return nil, err
		}
		defer p.end()
		if last, err := p.rests(); err != nil {
			return nil, err
		} else if last {
			return nil, p.failed(errors.New("it finished before its first turn"))
		}
		running[i] = p
	}
	if err := d.play(block, running); err != nil {
		return nil, err
	}
	docs := make([]*result.Document, len(d.Arms))
	for _, i := range order {
		err := running[i].begin()
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
func (d *duet) play(block int, running []*process) error {
	rng := rand.New(rand.NewPCG(d.Seed, uint64(block)))
	over := make([]bool, len(running))
	for left := len(running); left > 0; {
		for _, order := range orders(rng, len(running), 6) {
			for _, i := range order {
				if over[i] {
					continue
				}
				err := running[i].begin()
				if err == nil {
					over[i], err = running[i].rests()
				}
				if err != nil {
					return err
				}
				if over[i] {
					left--
				}
			}
		}
	}
	return nil
}

// begin begins the process's next turn.
func (p *process) begin() error {
	if _, err := p.in.Write([]byte{turnOver}); err != nil {
		return p.gone(err)
	}
	return nil
}

// rests waits until the process rests, and reports whether that was its last turn.
func (p *process) rests() (last bool, err error) {
	word, err := p.out.ReadByte()
	switch {
	case err != nil:
		return false, p.gone(err)
	case word != turnOver && word != finished:
		return false, p.failed(fmt.Errorf("it said %q where a turn ends", word))
	}
	return word == finished, nil
}

// gone says why a process does not answer: how it died, where it did.
func (p *process) gone(err error) error {
	p.in.Close()
	if died := p.Wait(); died != nil {
		err = died
	}
	return p.failed(err)
}
