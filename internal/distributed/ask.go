package distributed

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// request is one step of a participant.
type request struct {
	at    int    // the start it waits for
	doing string // finish, over, leave, give up (unless all have come), or nothing but being there
	why   string // of leave
}

// nowhere is the start of who waits for none.
const nowhere = -1

// state is how far the run is.
type state struct {
	over   bool
	start  time.Time     // of what was asked for, on this machine's monotonic clock; zero: not known yet
	off    time.Duration // how far from it the real one may be
	came   int
	writer int    // -1: nobody yet
	done   string // a digit a participant: 1 has finished
	lost   []Loss
}

// gone reports whether a participant does nothing any more that others could wait for.
func (s *state) gone(index int) bool {
	finished := index < len(s.done) && s.done[index] == '1'
	return finished || slices.ContainsFunc(s.lost, func(l Loss) bool { return l.Index == index })
}

// OutError says that the others have given this participant up.
type OutError struct {
	RunID string
	Why   string
}

func (e *OutError) Error() string {
	return fmt.Sprintf("run %s: the others have gone on without this participant: %s", e.RunID, e.Why)
}

// errGone says that the server knows nothing of the run.
var errGone = errors.New("not there any more: was the server restarted, or emptied?")

// ask tells the server what this participant does, and returns how far the run is.
func (p *Party) ask(ctx context.Context, q request) (s state, err error) {
	p.mu.Lock()
	delay := p.delay
	p.mu.Unlock()
	lead := 5 * p.often() // all who wait ask again in that time
	asked := time.Now()
	words, err := step.Run(ctx, p.o.Client, []string{p.key}, p.index, q.at, p.o.Silence.Microseconds(), q.why,
		lead.Microseconds(), delay.Microseconds(), q.doing, Retention.Milliseconds(), "no sign of life for "+p.o.Silence.String()).Slice()
	took := time.Since(asked)
	if err != nil {
		return s, p.unanswered(err)
	}
	a, err := parseAnswer(words)
	if err != nil {
		return s, p.unanswered(err)
	}
	s = state{over: a.status == "over", came: a.came, writer: a.writer, done: a.done, lost: a.lost}
	if a.start > 0 {
		// The server looked at its clock at some time between asked and now.
		s.start = asked.Add(took/2 + time.Duration(a.start-a.now)*time.Microsecond)
		s.off = took / 2
	}
	if a.status == "gone" {
		return s, fmt.Errorf("run %s: %w", p.o.RunID, errGone)
	}
	if p.note(a.lost, took); a.status == "out" {
		return s, &OutError{p.o.RunID, a.whyLost(p.index)}
	}
	return s, nil
}

// unanswered is an error of the server, with the run that it was asked about.
func (p *Party) unanswered(err error) error {
	return fmt.Errorf("run %s: the server to meet at: %w", p.o.RunID, err)
}

// askPatiently asks until there is an answer.
func (p *Party) askPatiently(ctx context.Context, q request) (s state, err error) {
	err = p.patiently(ctx, func() error {
		s, err = p.ask(ctx, q)
		return err
	})
	return s, err
}

// patiently does what needs the server until it answers, but no longer than a participant may be silent.
func (p *Party) patiently(ctx context.Context, do func() error) error {
	deadline := time.Now().Add(p.o.Silence)
	for {
		err := do()
		if err == nil || answered(err) || time.Now().After(deadline) {
			return err
		}
		if err := pause(ctx, 5*p.often()); err != nil {
			return err
		}
	}
}

// answered reports whether an error is what the server has to say, and will say again.
func answered(err error) bool {
	var out *OutError
	return errors.As(err, &out) || errors.Is(err, errGone) || errors.Is(err, redis.Nil)
}

// answer is what the script step returns.
type answer struct {
	status     string
	now, start int64 // µs
	came       int
	writer     int
	done       string
	lost       []Loss
}

func (a *answer) whyLost(index int) string {
	for _, l := range a.lost {
		if l.Index == index {
			return l.Why
		}
	}
	return "it has left"
}

var errAnswer = errors.New("an answer that no sessbench gives")

func parseAnswer(words []any) (a answer, err error) {
	const fixed = 6
	if len(words) < fixed || (len(words)-fixed)%3 != 0 {
		return a, errAnswer
	}
	text := func(i int) string {
		s, ok := words[i].(string)
		if !ok {
			err = errAnswer
		}
		return s
	}
	number := func(i int) int64 {
		n, ok := words[i].(int64)
		if !ok {
			err = errAnswer
		}
		return n
	}
	a = answer{status: text(0), now: number(1), start: number(2), came: int(number(3)), writer: int(number(4)), done: text(5)}
	for i := fixed; i < len(words); i += 3 {
		index, bad := strconv.Atoi(text(i))
		if bad != nil {
			err = errAnswer
		}
		a.lost = append(a.lost, Loss{index, text(i + 1), text(i + 2)})
	}
	return a, err
}
