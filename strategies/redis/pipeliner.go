package redis

import (
	"context"
	"slices"
	"sync"

	goredis "github.com/redis/go-redis/v9"
)

// pipeliner sends the commands of many goroutines together
// (https://redis.io/docs/latest/develop/using-commands/pipelining/), so that they share the system calls of a round trip.
// Whoever comes while fewer than lanes pipelines are under way goes at once; the others wait for the next pipeline, which
// goes as soon as one of those under way is back. Nobody waits for more commands to come.
//
// A command's ctx is looked at before it goes, and not any more: the answer comes, or the client's time-out.
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

// pipeline is a group of commands. Whoever began it sends it.
type pipeline struct {
	commands []command
	departs  chan struct{} // closed when it is its turn
	arrived  chan struct{} // closed when every command has its answer, or an error
}

type command struct {
	ctx context.Context
	goredis.Cmder
}

// process does what a client's Process does.
func (p *pipeliner) process(ctx context.Context, cmd goredis.Cmder) error {
	line, began := p.join(command{ctx, cmd})
	if began {
		<-line.departs
		p.send(line)
	} else {
		<-line.arrived
	}
	return cmd.Err()
}

// join puts a command into the last pipeline that has not left, or begins one.
func (p *pipeliner) join(cmd command) (line *pipeline, began bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.waiting); n > 0 && len(p.waiting[n-1].commands) < capacity {
		line = p.waiting[n-1]
		line.commands = append(line.commands, cmd)
		return line, false
	}
	line = &pipeline{[]command{cmd}, make(chan struct{}), make(chan struct{})}
	if p.underWay < lanes {
		p.underWay++
		close(line.departs)
	} else {
		p.waiting = append(p.waiting, line)
	}
	return line, true
}

func (p *pipeliner) send(line *pipeline) {
	defer p.next()
	defer close(line.arrived)
	ctx := context.WithoutCancel(line.commands[0].ctx)
	pipe := p.client.Pipeline()
	for _, cmd := range line.commands {
		if err := cmd.ctx.Err(); err != nil {
			cmd.SetErr(err)
			continue
		}
		_ = pipe.Process(ctx, cmd.Cmder) // takes note of it
	}
	_, _ = pipe.Exec(ctx) // each command has its own error
}

// next gives the lane of a pipeline that is back to the one that has waited longest.
func (p *pipeliner) next() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.waiting) == 0 {
		p.underWay--
		return
	}
	close(p.waiting[0].departs)
	p.waiting = slices.Delete(p.waiting, 0, 1)
}
