package scenarios

import (
	"errors"
	"fmt"
	"time"

	"github.com/sessbench/sessbench/internal/setting"
)

// Setting is a row of the settings table: a field of a scenario that a run can change. The row is all that the command line, the
// configuration file, the result document and its comparisons need.
type Setting struct {
	Name  string // of the flag, and in the result document
	Short string // one letter; may be empty
	Usage string // a noun phrase with the placeholder in backquotes
	Kind  string // the name of its type in the help
	Words []string

	Read  func(text string) (string, error)    // returns the canonical text; the error names the legal values
	Apply func(s *Scenario, text string) error // sets the field. The error names the legal values for s

	Fits        func(s *Scenario) bool // whether it has an effect on s; nil: always
	MustFit     bool                   // an error on the command line where it fits no scenario
	Visible     bool                   // results or the hashes of tapes show its effect; otherwise results with different texts are not comparable
	NotReplayed string                 // why it has no effect on recorded traffic; empty: it has one
	Repeats     bool                   // the flag may be repeated: the texts are joined by commas
}

// The bounds of settings.
const (
	maxUsers    = 1_000_000
	poolSize    = 1 << 14 // users of an open loop, of which each takes some 20 KB when it is made
	maxSessions = 100_000_000
	maxPrefill  = 1_000_000
	maxVisits   = 1_000_000_000
	maxHold     = time.Minute
	maxThink    = time.Hour
	minTTL      = time.Millisecond
	maxTTL      = 365 * 24 * time.Hour
)

// Settings returns the rows in the order in which they are applied.
func Settings() []Setting {
	return []Setting{
		row(RateParser(), func(s *Scenario, rate float64) error { s.Load.Rate = rate; return s.openLoop(poolSize) },
			Setting{Name: "rate", Usage: "operations that arrive per time, whether users are free or not, `RATE`: 2000/s", Visible: true,
				NotReplayed: "the log has the times"}),
		row(StagesParser(), (*Scenario).setStages,
			Setting{Name: "stage", Usage: "ramp from the previous rate to another, `TIME:RATE`, or, in a closed loop, from the previous number of " +
				"users, TIME:USERS; repeat it for more stages", Visible: true, Repeats: true,
				NotReplayed: "the log has the times"}),
		row(setting.Choice("poisson\tat random, independent of each other", "constant\tat equal distances"), (*Scenario).setArrivals,
			Setting{Name: "arrivals", Usage: "how visits arrive at --rate, `poisson|constant` (default poisson)", Visible: true,
				NotReplayed: "the log has the times"}),
		row(setting.Count(1, maxUsers), (*Scenario).setMaxUsers,
			Setting{Name: "max-users", Usage: fmt.Sprintf("concurrent users at --rate and --trace-speed, `N`; further visits queue (default: as many as needed, up to %d, or %d outside this process)", poolSize, RemoteUsers),
				Visible: true}),
		row(setting.Count(1, maxUsers), (*Scenario).setUsers,
			Setting{Name: "users", Short: "u", Usage: "number of concurrent users, `N`", Visible: true}),
		row(setting.Count(1, maxSessions), (*Scenario).setSessions,
			Setting{Name: "sessions", Usage: "number of sessions, `N`", Visible: true, NotReplayed: "the log has the sessions"}),
		row(setting.Count(0, maxPrefill), func(s *Scenario, n int) error { s.Prefill = n; return nil },
			Setting{Name: "prefill", Usage: "messages in each session before a trial, `N`", NotReplayed: "the log has the messages",
				Fits: func(s *Scenario) bool { return s.Driver == ChatDriver && !s.StartsEmpty }, MustFit: true}),
		row(setting.Count(1, maxVisits), (*Scenario).setIterations,
			Setting{Name: "iterations", Short: "i", Usage: "visits per user and trial, `N`", Visible: true,
				NotReplayed: "the log is replayed once, to its end"}),
		row(setting.Duration(0, maxHold), func(s *Scenario, d time.Duration) error { s.Hold = d; return nil },
			Setting{Name: "hold", Usage: "duration of the work under the lock of an update, `TIME`", Visible: true}),
		row(setting.Choice("sleep", "spin"), func(s *Scenario, kind string) error { s.Spin = kind == "spin"; return nil },
			Setting{Name: "hold-kind", Usage: "kind of that work: `sleep|spin` (waiting, or using a processor)", Visible: true}),
		row(setting.Duration(0, maxThink), func(s *Scenario, d time.Duration) error { s.Think = d; return nil },
			Setting{Name: "think", Usage: "pause between the visits of a user, `TIME`", Visible: true, NotReplayed: "the log has the times"}),
		row(setting.Duration(minTTL, maxTTL), func(s *Scenario, d time.Duration) error { s.TTL = d; return nil },
			Setting{Name: "ttl", Usage: "time-to-live of unused sessions, `TIME`, in scenarios with expiry", Fits: (*Scenario).Sweeps, MustFit: true}),
		row(keysParser, func(s *Scenario, keys Keys) error { s.Keys = keys; return nil },
			Setting{Name: "keys", Usage: "distribution of the visits over the sessions, `KEYS`: uniform, zipf:S or hot:FRACTION:SHARE",
				Visible: true, NotReplayed: "the log has the visited sessions", Fits: func(s *Scenario) bool { return s.SlotsPerUser() > 1 }}),
		row(setting.Any(), (*Scenario).setMix,
			Setting{Name: "mix", Usage: "operations by weight, `MIX`: append=2,history=1", Visible: true, NotReplayed: "the log has the operations"}),
	}
}

// keysParser reads a distribution of keys.
var keysParser = setting.Parser[Keys]{Kind: "string", Read: parseKeys}

// row completes a row by functions that parse the value and set it.
func row[T any](parser setting.Parser[T], set func(*Scenario, T) error, of Setting) Setting {
	of.Kind, of.Words = parser.Kind, parser.Words
	of.Read = func(text string) (string, error) {
		x, err := parser.Read(text)
		return setting.Text(x, text), err
	}
	of.Apply = func(s *Scenario, text string) error {
		v, err := parser.Read(text)
		if err != nil {
			return err
		}
		return set(s, v)
	}
	return of
}

// setUsers sets the number of users. Where sessions are private to users, the number of sessions per user stays the same.
func (s *Scenario) setUsers(n int) error {
	switch {
	case s.Load.Speed > 0 && s.Load.MaxUsers == 0: // which are as many as are needed, too, up to so many
		return s.setMaxUsers(n)
	case s.Load.Speed > 0:
		return errors.New("want either --max-users or --users, which both bound the users of a replay at a speed")
	case s.Load.Open():
		return errors.New("at --rate there are as many users as are needed: want --max-users, which bounds them")
	}
	if s.Ramp.Some() { // it begins with them
		s.Ramp.From = n
		n = s.Ramp.Peak()
	}
	s.resize(n)
	return nil
}

func (s *Scenario) resize(users int) {
	if s.OwnSessions {
		s.Sessions = users * s.SlotsPerUser()
	}
	s.Users = users
}

// openLoop has visits arrive by the clock, for up to so many users. Where users come and go, sessions that exist before the trial
// belong to all of them.
func (s *Scenario) openLoop(users int) error {
	s.OwnSessions = s.OwnSessions && s.StartsEmpty
	s.Iterations = 0
	s.resize(users)
	return nil
}

// setStages has the rate of visits change, or the number of active users of a closed loop.
func (s *Scenario) setStages(stages Stages) error {
	if len(stages.Users) == 0 {
		s.Load.Stages = stages.Rates
		return s.openLoop(poolSize)
	}
	if s.Load.Open() {
		return errors.New("a number of users is for a closed loop: want TIME:RATE at --rate, such as 30s:500/s")
	}
	s.Ramp = Ramp{Stages: stages.Users}
	s.Iterations = 0
	s.resize(max(1, s.Ramp.Peak()))
	return nil
}

func (s *Scenario) setMaxUsers(n int) error {
	if !s.Load.Open() {
		return errors.New("want --rate or --stage TIME:RATE with it, or a --trace-speed; without them, --users is the number of concurrent users")
	}
	s.Load.MaxUsers = n
	return s.openLoop(n)
}

func (s *Scenario) setArrivals(kind string) error {
	if !s.Load.Open() {
		return errors.New("want --rate or --stage TIME:RATE with it")
	}
	s.Load.Constant = kind == "constant"
	return nil
}

func (s *Scenario) setIterations(n int) error {
	if s.Load.Open() {
		return errors.New("at --rate a trial has a duration: want --duration")
	}
	if s.Ramp.Some() {
		return errors.New("not with --stage: the stages have their durations")
	}
	s.Iterations = n
	return nil
}

func (s *Scenario) setSessions(n int) error {
	s.Sessions = n
	if s.OwnSessions && n%s.Users != 0 {
		return fmt.Errorf("want a multiple of the %d users for %s, where sessions are private to users", s.Users, s.Name)
	}
	return nil
}

// setMix replaces the operations of a visit by a mix.
func (s *Scenario) setMix(text string) error {
	mix, err := parseMix(text, s.Legal)
	if err != nil {
		return fmt.Errorf("does not fit %s: %w", s.Name, err)
	}
	s.Mix, s.Visit = mix, nil
	return nil
}

// HoldKind returns the kind of the work under the lock: sleep or spin.
func (s *Scenario) HoldKind() string {
	if s.Spin {
		return "spin"
	}
	return "sleep"
}
