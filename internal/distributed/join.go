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

// Options is who wants to share which run.
type Options struct {
	Client   redis.UniversalClient // stays open
	RunID    string                // letters, digits and ._- : names the run, and no run before or after it
	Of       int                   // participants
	Host     string                // what the others call the machine; may be empty
	Settings map[string]string     // what has to be the same for all participants, by name

	Patience time.Duration // with the others until all are there; 0: DefaultPatience
	Silence  time.Duration // after which a participant is lost; 0: DefaultSilence
}

// The defaults, and how long the server keeps what nobody has removed.
const (
	DefaultPatience = 5 * time.Minute
	DefaultSilence  = 10 * time.Second // a process whose users keep all processors busy may be slow to say that it is alive
	Retention       = time.Hour
)

// MaxOf is how many participants a run can have: each of them asks for all.
const MaxOf = 64

// ErrTaken says that the run's name is in use, or was.
var ErrTaken = errors.New("want a run id of its own")

var legalRunID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// CheckRunID reports why a text cannot name a run.
func CheckRunID(id string) error {
	if !legalRunID.MatchString(id) {
		return errors.New("want 1 to 64 letters, digits, dots, dashes and underscores")
	}
	return nil
}

// Join takes a place in the run, the next that is free, and waits until all participants are there. It says who is missing
// when they do not come in time. Then, and when somebody leaves who waits, the run is given up for all, and its name is used up.
//
// Other errors are a *[DifferentError], one that wraps [ErrTaken], ctx's, and the server's.
func Join(ctx context.Context, o Options) (*Party, error) {
	if err := CheckRunID(o.RunID); err != nil {
		return nil, fmt.Errorf("run %q: %w", o.RunID, err)
	}
	if o.Of < 1 || o.Of > MaxOf {
		return nil, fmt.Errorf("%d participants: want 1 to %d", o.Of, MaxOf)
	}
	o.Patience, o.Silence = cmp.Or(o.Patience, DefaultPatience), cmp.Or(o.Silence, DefaultSilence)
	p := &Party{o: o, passed: nowhere, key: "sessbench:join:{" + o.RunID + "}"}
	if err := p.enter(ctx); err != nil {
		return nil, err
	}
	p.beat()
	if err := p.meet(ctx); err != nil {
		return nil, errors.Join(err, p.Leave("it did not wait for all to come"))
	}
	return p, nil
}

// enter takes a place.
func (p *Party) enter(ctx context.Context) error {
	mine := maps.Clone(p.o.Settings)
	if mine == nil {
		mine = map[string]string{}
	}
	mine["of"] = strconv.Itoa(p.o.Of)
	settings, err := json.Marshal(mine)
	if err != nil {
		return err
	}
	words, err := enter.Run(ctx, p.o.Client, []string{p.key}, uuid.NewString(), p.o.Of, p.o.Host, settings, Retention.Milliseconds()).StringSlice()
	if err != nil {
		return p.unanswered(err)
	}
	if len(words) != 2 {
		return p.unanswered(fmt.Errorf("%d words: want 2", len(words)))
	}
	switch words[0] {
	case "in":
		p.index, err = strconv.Atoi(words[1])
		return err
	case "over":
		return fmt.Errorf("run %s is over: %w", p.o.RunID, ErrTaken)
	case "full":
		return fmt.Errorf("run %s has its %d participants: %w", p.o.RunID, p.o.Of, ErrTaken)
	}
	var theirs map[string]string
	if err := json.Unmarshal([]byte(words[1]), &theirs); err != nil {
		return fmt.Errorf("run %s: settings of the first participant: %w", p.o.RunID, err)
	}
	return &DifferentError{p.o.RunID, differences(mine, theirs)}
}

// meet waits until everybody is there. Whether all have come or the run is given up the server decides, for all alike.
func (p *Party) meet(ctx context.Context) error {
	deadline := time.Now().Add(p.o.Patience)
	for {
		q := request{at: nowhere}
		if time.Now().After(deadline) {
			q.doing = "give up"
		}
		s, err := p.askPatiently(ctx, q)
		switch {
		case err != nil:
			return err
		case s.came == p.o.Of:
			return nil
		case q.doing != "":
			return fmt.Errorf("run %s: %d of %d participants came within %v", p.o.RunID, s.came, p.o.Of, p.o.Patience)
		case s.over:
			return fmt.Errorf("run %s: given up before all had come: %w", p.o.RunID, ErrTaken)
		}
		if err := pause(ctx, 5*p.often()); err != nil {
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
