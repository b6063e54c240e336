package redis

import (
	"context"
	"errors"
	"slices"
	"sync"

	goredis "github.com/redis/go-redis/v9"
)

// pipeliner sends the commands of many goroutines together
// (https://redis.io/docs/latest/develop/using-commands/pipelining/), so that they share the system calls of a round trip.
// Whoever comes while fewer than lanes pipelines are under way goes at once; the others wait for the next pipeline, which
// goes as soon as one of those under way is back. Nobody waits for more commands to come.
//
// ctx ends the wait for a pipeline. A command that is under way gets its answer, or the client's time-out.
type pipeliner struct {
	client goredis.UniversalClient

	mu       sync.Mutex // protects what follows
	underWay int
	waiting  []*pipeline // in the order in which they will go; only the last has room. None while there is a free lane
}

const (
	lanes    = 4   // 1, 2 and 8 were slower, with a hundred users on loopback
	capacity = 128 // commands in a pipeline: the last one's answer does not come much later than the first one's
)

// pipeline is a group of commands, sent by one of those that gave them.
type pipeline struct {
	commands []goredis.Cmder
	departs  chan struct{} // has something to receive when it is its turn: whoever gets it sends the pipeline
	arrived  chan struct{} // closed when every command has its answer, or an error
}

// process does what a client's Process does.
func (p *pipeliner) process(ctx context.Context, cmd goredis.Cmder) error {
	line := p.join(cmd)
	over := ctx.Done()
	for {
		select {
		case <-line.departs:
			p.send(ctx, line)
			return cmd.Err()
		case <-line.arrived:
			return cmd.Err()
		case <-over:
			if p.leave(line, cmd) {
				cmd.SetErr(ctx.Err())
				return ctx.Err()
			}
			over = nil // too late
		}
	}
}

// join puts a command into the last pipeline that waits, or into a new one.
func (p *pipeliner) join(cmd goredis.Cmder) *pipeline {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.waiting); n > 0 && len(p.waiting[n-1].commands) < capacity {
		line := p.waiting[n-1]
		line.commands = append(line.commands, cmd)
		return line
	}
	line := &pipeline{[]goredis.Cmder{cmd}, make(chan struct{}, 1), make(chan struct{})}
	if p.underWay < lanes {
		p.underWay++
		line.departs <- struct{}{}
	} else {
		p.waiting = append(p.waiting, line)
	}
	return line
}

// leave takes a command back, unless its pipeline is under way.
func (p *pipeliner) leave(line *pipeline, cmd goredis.Cmder) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.Index(p.waiting, line)
	if i < 0 {
		return false
	}
	line.commands = slices.DeleteFunc(line.commands, func(c goredis.Cmder) bool { return c == cmd })
	if len(line.commands) == 0 {
		p.waiting = slices.Delete(p.waiting, i, i+1)
	}
	return true
}

// next gives the lane of a pipeline that is back to the one that has waited longest.
func (p *pipeliner) next() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.waiting) == 0 {
		p.underWay--
		return
	}
	p.waiting[0].departs <- struct{}{}
	p.waiting = slices.Delete(p.waiting, 0, 1)
}

// errAbandoned is what a command ends with when sending its pipeline has ended in a panic.
var errAbandoned = errors.New("redis: the pipeline was abandoned")

// send sends a pipeline and waits for the answers, also when ctx ends, which is only one caller's.
func (p *pipeliner) send(ctx context.Context, line *pipeline) {
	defer p.next()
	defer close(line.arrived)
	err := errAbandoned
	defer func() { line.fail(err) }()
	ctx = context.WithoutCancel(ctx)
	pipe := p.client.Pipeline()
	for _, cmd := range line.commands {
		_ = pipe.Process(ctx, untried{cmd}) // takes note of it
	}
	_, err = pipe.Exec(ctx)
}

// fail sees to it that no command of a pipeline that ended with err looks answered and is not: the client blames none of
// them when it is refused before it sends the first.
func (line *pipeline) fail(err error) {
	if err == nil || err != errAbandoned && slices.ContainsFunc(line.commands, func(c goredis.Cmder) bool { return c.Err() != nil }) {
		return
	}
	for _, cmd := range line.commands {
		if cmd.Err() == nil {
			cmd.SetErr(err)
		}
	}
}

// untried is a command that the client sends again only where a cluster redirects it. For anything else it would
// send the whole pipeline again, and with it what was answered already.
type untried struct{ goredis.Cmder }

func (untried) NoRetry() bool { return true }
