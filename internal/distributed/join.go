package distributed

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
)

// Options describes a run and this participant.
type Options struct {
	Client   redis.UniversalClient // stays open
	RunID    string                // 1 to 64 letters, digits and ._- ; unique among all runs on the server
	Of       int                   // number of participants
	Host     string                // name of this machine; may be empty
	Settings map[string]string     // settings that must be equal for all participants, by name

	Patience time.Duration // how long to wait for the other participants; 0: DefaultPatience
	Silence  time.Duration // how long after its last heartbeat a participant is lost; 0: DefaultSilence
}

// The defaults, and how long the server keeps the data of a run.
const (
	DefaultPatience = 5 * time.Minute
	DefaultSilence  = 10 * time.Second // heartbeats of a process whose users keep all processors busy may be late
	Retention       = time.Hour
)

// MaxOf is the largest number of participants: each of them reads the data of all.
const MaxOf = 64

// ErrTaken reports that the run ID is or was in use.
var ErrTaken = errors.New("want an unused run ID")

var runIDForm = regexp.MustCompile(`^[A-Za-z0-9._-]+$`) // a repetition {1,64} would be 64 states, compiled at every start

// CheckRunID reports why a text cannot be a run ID.
func CheckRunID(id string) error {
	if len(id) > 64 || !runIDForm.MatchString(id) {
		return errors.New("want 1 to 64 letters, digits, dots, dashes and underscores")
	}
	return nil
}

// Join registers this process in the run, with the next free index, and waits until all participants have joined. If they do
// not in time, or a waiting participant leaves, the run is cancelled for all, and its ID cannot be used again.
//
// Other errors are a *[DifferentError], one that wraps [ErrTaken], ctx's cause, and the server's.
func Join(ctx context.Context, o Options) (*Participant, error) {
	if err := CheckRunID(o.RunID); err != nil {
		return nil, fmt.Errorf("run %q: %w", o.RunID, err)
	}
	if o.Of < 1 || o.Of > MaxOf {
		return nil, fmt.Errorf("%d participants: want 1 to %d", o.Of, MaxOf)
	}
	o.Patience, o.Silence = cmp.Or(o.Patience, DefaultPatience), cmp.Or(o.Silence, DefaultSilence)
	p := &Participant{o: o, passed: nowhere, key: "sessbench:join:{" + o.RunID + "}"}
	if err := p.enter(ctx); err != nil {
		return nil, err
	}
	p.beat()
	if err := p.awaitAll(ctx); err != nil {
		return nil, errors.Join(err, p.Leave("did not wait until all had joined"))
	}
	return p, nil
}

// enter registers this process.
func (p *Participant) enter(ctx context.Context) error {
	mine := maps.Clone(p.o.Settings)
	if mine == nil {
		mine = map[string]string{}
	}
	mine["of"] = strconv.Itoa(p.o.Of)
	settings, err := json.Marshal(mine)
	if err != nil {
		return err
	}
	words, err := enterScript.Run(ctx, p.o.Client, []string{p.key}, uuid.NewString(), p.o.Of, p.o.Host, settings, Retention.Milliseconds()).StringSlice()
	if err != nil {
		return p.serverError(err)
	}
	if len(words) != 2 {
		return p.serverError(fmt.Errorf("%d words: want 2", len(words)))
	}
	switch words[0] {
	case "in":
		p.index, err = strconv.Atoi(words[1])
		return err
	case "over":
		return fmt.Errorf("run %s is over: %w", p.o.RunID, ErrTaken)
	case "full":
		return fmt.Errorf("run %s already has %d participants: %w", p.o.RunID, p.o.Of, ErrTaken)
	}
	var theirs map[string]string
	if err := json.Unmarshal([]byte(words[1]), &theirs); err != nil {
		return fmt.Errorf("run %s: settings of the first participant: %w", p.o.RunID, err)
	}
	return &DifferentError{p.o.RunID, differences(mine, theirs)}
}

// awaitAll waits until all participants have joined. The server decides whether they have or the run is cancelled, so that all
// participants agree.
func (p *Participant) awaitAll(ctx context.Context) error {
	deadline := time.Now().Add(p.o.Patience)
	for {
		q := request{at: nowhere}
		if time.Now().After(deadline) {
			q.action = "give up"
		}
		s, err := p.retryStep(ctx, q)
		switch {
		case err != nil:
			return err
		case s.came == p.o.Of:
			return nil
		case q.action != "":
			return fmt.Errorf("run %s: %d of %d participants joined within %v", p.o.RunID, s.came, p.o.Of, p.o.Patience)
		case s.over:
			return fmt.Errorf("run %s: cancelled before all participants had joined: %w", p.o.RunID, ErrTaken)
		}
		if err := pause(ctx, 5*p.interval()); err != nil {
			return err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
