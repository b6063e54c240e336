package redis

import (
	"context"
	"errors"
	"slices"
	"sync"

	goredis "github.com/redis/go-redis/v9"
)

// pipeliner sends the commands of many goroutines together (https://redis.io/docs/latest/develop/using-commands/pipelining/), so
// that they share the system calls of a round trip. A command that arrives while fewer than lanes pipelines are in flight is sent
// at once; others wait for the next pipeline, which is sent as soon as one in flight completes. No command waits for more to come.
//
// ctx ends the wait for a pipeline. A command in flight gets its reply, or the client's time-out.
type pipeliner struct {
	client goredis.UniversalClient

	mu       sync.Mutex // protects what follows
	underWay int
	waiting  []*pipeline // in sending order; only the last has room. None while a lane is free
}

const (
	lanes    = 4   // 1, 2 and 8 were slower, with a hundred users on loopback
	capacity = 128 // commands per pipeline, so that the last reply does not come much later than the first
)

// pipeline is a group of commands, sent by one of the goroutines that wait for it.
type pipeline struct {
	commands []goredis.Cmder
	departs  chan struct{} // holds a token when the pipeline may be sent; the goroutine that receives it sends the pipeline
	arrived  chan struct{} // closed when every command has a reply or an error
}

// process sends cmd and waits for the reply, like a client's Process.
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

// join adds a command to the last waiting pipeline, or to a new one.
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

// leave withdraws a command, unless its pipeline is in flight.
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

// next passes the lane of a completed pipeline to the one that has waited longest.
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

// errAbandoned is the error of a command whose pipeline was not sent because of a panic.
var errAbandoned = errors.New("redis: the pipeline was abandoned")

// send sends a pipeline and waits for the replies. It ignores the end of ctx, which belongs to one of the callers.
func (p *pipeliner) send(ctx context.Context, line *pipeline) {
	defer p.next()
	defer close(line.arrived)
	err := errAbandoned
	defer func() { line.fail(err) }()
	ctx = context.WithoutCancel(ctx)
	pipe := p.client.Pipeline()
	for _, cmd := range line.commands {
		_ = pipe.Process(ctx, untried{cmd}) // queues it
	}
	_, err = pipe.Exec(ctx)
}

// fail sets err on the commands of a pipeline that failed as a whole: the client sets an error on none of them if it fails before it
// sends the first.
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

// untried is a command that the client sends again only if a cluster redirects it. Otherwise the client would send the whole pipeline
// again, including commands that have replies.
type untried struct{ goredis.Cmder }

func (untried) NoRetry() bool { return true }
