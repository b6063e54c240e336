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

// request is one call of the script step.
type request struct {
	at     int    // the start that the participant waits for
	action string // finish, over, leave, give up (unless all have come), or empty: only a heartbeat
	why    string // of leave
}

// nowhere is the start of a participant that does not wait for one.
const nowhere = -1

// state is the state of the run.
type state struct {
	over   bool
	start  time.Time     // the start that was requested, on this machine's monotonic clock; zero: not fixed yet
	off    time.Duration // the largest possible error of start
	came   int
	writer int    // -1: none yet
	done   string // one digit per participant: 1 has finished
	lost   []Loss
}

// gone reports whether a participant has finished or is lost, so that no one waits for it.
func (s *state) gone(index int) bool {
	finished := index < len(s.done) && s.done[index] == '1'
	return finished || slices.ContainsFunc(s.lost, func(l Loss) bool { return l.Index == index })
}

// OutError reports that the others have declared this participant lost.
type OutError struct {
	RunID string
	Why   string
}

func (e *OutError) Error() string {
	return fmt.Sprintf("run %s: the others continue without this participant: %s", e.RunID, e.Why)
}

// errGone reports that the run is not on the server.
var errGone = errors.New("not on the server: was it restarted, or emptied?")

// step sends a request to the server and returns the state of the run.
func (p *Participant) step(ctx context.Context, q request) (s state, err error) {
	p.mu.Lock()
	delay := p.delay
	p.mu.Unlock()
	lead := 5 * p.interval() // every waiting participant polls within that time
	sent := time.Now()
	words, err := stepScript.Run(ctx, p.o.Client, []string{p.key}, p.index, q.at, p.o.Silence.Microseconds(), q.why,
		lead.Microseconds(), delay.Microseconds(), q.action, Retention.Milliseconds(), "no heartbeat for "+p.o.Silence.String()).Slice()
	took := time.Since(sent)
	if err != nil {
		return s, p.serverError(err)
	}
	a, err := parseAnswer(words)
	if err != nil {
		return s, p.serverError(err)
	}
	s = state{over: a.status == "over", came: a.came, writer: a.writer, done: a.done, lost: a.lost}
	if a.start > 0 {
		// The server read its clock between sent and now.
		s.start = sent.Add(took/2 + time.Duration(a.start-a.now)*time.Microsecond)
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

// serverError adds the run to an error of the server. nil stays nil.
func (p *Participant) serverError(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("run %s: coordination server: %w", p.o.RunID, err)
}

// retryStep repeats a request until there is an answer, as retry does.
func (p *Participant) retryStep(ctx context.Context, q request) (s state, err error) {
	err = p.retry(ctx, func() error {
		s, err = p.step(ctx, q)
		return err
	})
	return s, err
}

// retry repeats do until the server answers, but no longer than a participant may be silent.
func (p *Participant) retry(ctx context.Context, do func() error) error {
	deadline := time.Now().Add(p.o.Silence)
	for {
		err := do()
		if err == nil || final(err) || time.Now().After(deadline) {
			return err
		}
		if err := pause(ctx, 5*p.interval()); err != nil {
			return err
		}
	}
}

// final reports whether an error is an answer of the server, which would not change on a retry.
func final(err error) bool {
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
	return "left the run"
}

var errAnswer = errors.New("unexpected answer of the script")

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
