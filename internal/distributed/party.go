package distributed

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Party is a participant's place in a run. Its methods are for one goroutine at a time, but for Lost and Losses.
type Party struct {
	o     Options
	index int
	key   string // what every key begins with, and the state's own

	stop    context.CancelFunc // of the heart; nil: it has left
	beating sync.WaitGroup

	began, skew time.Duration // how far from its instant the last start was here, at most, and the farthest of all
	gifts       []gift        // that are still on the server
	passed      int           // the last start

	mu    sync.Mutex // protects lost and delay
	lost  []Loss
	delay time.Duration // what the last question took
}

// Index is this participant's number, from 0.
func (p *Party) Index() int { return p.index }

// Of is how many participants there are.
func (p *Party) Of() int { return p.o.Of }

// Loss is a participant that the others do not wait for any more.
type Loss struct {
	Index int
	Host  string
	Why   string
}

// Losses returns who was lost so far, by number.
func (p *Party) Losses() []Loss {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Loss(nil), p.lost...)
}

// Lost names who was lost so far.
func (p *Party) Lost() (names []string) {
	for _, l := range p.Losses() {
		names = append(names, name(l.Index, p.o.Of, l.Host))
	}
	return names
}

// String is this participant's name: participant 2 of 4 (host).
func (p *Party) String() string { return name(p.index, p.o.Of, p.o.Host) }

func name(index, of int, host string) string {
	text := fmt.Sprintf("participant %d of %d", index+1, of)
	if host != "" {
		text += " (" + host + ")"
	}
	return text
}

// note keeps what an answer said, after took.
func (p *Party) note(lost []Loss, took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lost, p.delay = lost, min(took, maxDelay)
}

// maxDelay is what a question may take to be allowed for when a start is fixed. What is slower begins late, and says so.
const maxDelay = 250 * time.Millisecond

// often is how long a participant that waits leaves the server alone: longer where there are many.
func (p *Party) often() time.Duration {
	return max(10*time.Millisecond, time.Duration(p.o.Of)*time.Millisecond)
}

// beat has the participant say that it is alive until it leaves. An answer that does not come is made up for by the next
// one; what it says is noticed at the next start.
func (p *Party) beat() {
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	p.beating.Go(func() {
		tick := time.NewTicker(min(p.o.Silence/8, time.Second))
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				_, _ = p.ask(ctx, request{at: nowhere})
			case <-ctx.Done():
				return
			}
		}
	})
}

// Leave gives up the place: the others do not wait for this participant any more, and know why. After [Party.Finish] it does
// no harm to what was handed over. It does not wait for long, and leaving twice is leaving once.
func (p *Party) Leave(why string) error {
	if p.stop == nil {
		return nil
	}
	p.stop()
	p.stop = nil
	p.beating.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), answerTimeout) // whoever leaves has often been told to
	defer cancel()
	_, err := p.ask(ctx, request{at: nowhere, doing: "leave", why: why})
	var out *OutError
	if errors.As(err, &out) {
		err = nil
	}
	return errors.Join(err, p.takeBack(ctx, len(p.gifts)))
}
