// Package distributed runs one benchmark in several processes, on several machines. They coordinate through a Redis server,
// begin every window at the same instant, and send their documents to the participant that finishes last.
//
// Only the server's clock is used: the wall clocks of the machines may differ. During a window a participant only sends
// heartbeats. A participant without a heartbeat is lost: the others do not wait for it, and report its name.
//
// All keys have the prefix sessbench:join:{RUN-ID} and expire after [Retention]: a hash with the state, which only scripts
// change, published data, and the finished parts, which the writer deletes after merging.
package distributed

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Participant is this process's membership of a run. Its methods are for one goroutine at a time, except Lost and Losses.
type Participant struct {
	o     Options
	index int
	key   string // of the state, and the prefix of all other keys

	stop    context.CancelFunc // of the heartbeats; nil: this participant has left
	beating sync.WaitGroup

	began, skew time.Duration // the largest deviation of the last start, and of all starts, from the fixed instant
	published   []published   // still on the server
	passed      int           // the last start

	mu    sync.Mutex // protects lost and delay
	lost  []Loss
	delay time.Duration // round trip of the last request
}

// Index is the number of this participant, from 0.
func (p *Participant) Index() int { return p.index }

// Of is the number of participants.
func (p *Participant) Of() int { return p.o.Of }

// Loss is a lost participant: the others do not wait for it.
type Loss struct {
	Index int
	Host  string
	Why   string
}

// Losses returns the participants lost so far, by index.
func (p *Participant) Losses() []Loss {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Loss(nil), p.lost...)
}

// Lost returns the names of the participants lost so far.
func (p *Participant) Lost() (names []string) {
	for _, l := range p.Losses() {
		names = append(names, name(l.Index, p.o.Of, l.Host))
	}
	return names
}

// String is this participant's name: participant 2 of 4 (host).
func (p *Participant) String() string { return name(p.index, p.o.Of, p.o.Host) }

func name(index, of int, host string) string {
	text := fmt.Sprintf("participant %d of %d", index+1, of)
	if host != "" {
		text += " (" + host + ")"
	}
	return text
}

// note keeps the losses of an answer and its round trip.
func (p *Participant) note(lost []Loss, took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lost, p.delay = lost, min(took, maxDelay)
}

// maxDelay is the longest round trip that the fixing of a start allows for. A slower participant begins late, which its skew
// shows.
const maxDelay = 250 * time.Millisecond

// interval is the time between two polls of a waiting participant. It grows with the number of participants.
func (p *Participant) interval() time.Duration {
	return max(10*time.Millisecond, time.Duration(p.o.Of)*time.Millisecond)
}

// beat sends heartbeats until the participant leaves. Errors are ignored: the next heartbeat makes up for them, and the next
// start reports them.
func (p *Participant) beat() {
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	p.beating.Go(func() {
		tick := time.NewTicker(min(p.o.Silence/8, time.Second))
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				_, _ = p.step(ctx, request{at: nowhere})
			case <-ctx.Done():
				return
			}
		}
	})
}

// Leave ends the membership: the others do not wait for this participant, and get the reason. After [Participant.Finish] it does
// not affect the part. Leave does not wait for long. It may be called again.
func (p *Participant) Leave(why string) error {
	if p.stop == nil {
		return nil
	}
	p.stop()
	p.stop = nil
	p.beating.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), answerTimeout) // the caller's ctx has often ended
	defer cancel()
	_, err := p.step(ctx, request{at: nowhere, action: "leave", why: why})
	var out *OutError
	if errors.As(err, &out) {
		err = nil
	}
	return errors.Join(err, p.unpublish(ctx, len(p.published)))
}
