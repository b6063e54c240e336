package verify

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// Subject is a store to be verified.
type Subject struct {
	Label      string
	Params     map[string]string
	Guarantees manager.Guarantees

	// Open opens an empty store. A store with a schedule reports the points that its users reach; others ignore it.
	Open func(*SyncPoints) (manager.SessionStore[manager.Session], error)

	// NewCreator returns the part of a manager that creates sessions on a store; nil: a [manager.Chatbot].
	NewCreator func(manager.SessionStore[manager.Session], *SyncPoints) Creator

	// OpenTarget takes the place of Open for targets, which take requests, not closures. It is called once; the target is reset
	// before each round and closed at the end. It declares no guarantees.
	OpenTarget func() (scenarios.Target, error)

	// Levels: it may have a weaker consistency level than linearizability. The report says which one no history refutes.
	Levels bool

	// Reliable: no response is lost between a target and its users, so that an indeterminate or refused operation is a violation.
	Reliable bool
}

// Creator is the part of a manager that creates sessions.
type Creator interface {
	CreateSession(ctx context.Context) (manager.ID, error)
}

// Config configures a run. Zero values mean the defaults.
type Config struct {
	Subject  Subject       `json:"-"`
	Seed     uint64        // random seed of the first round; each further round has the next number
	Rounds   int           // 0: DefaultRounds; negative: until Budget is used up
	Budget   time.Duration // time after which no round begins
	Users    int           // greatest number in a round
	Ops      int           // greatest number on a session
	Patience time.Duration // time without progress after which a store in which every goroutine waits hangs
	Schedule Schedule      `json:"-"` // played in place of random rounds
	Progress func(Step)    `json:"-"` // called between rounds, on the goroutine of Run; may be nil

	// Found is called for each violation of a new kind as soon as it is known, on the goroutine of Run; may be nil.
	Found func(*history.Violation) `json:"-"`

	// First ends the run at the first violation. Without it the run goes on and reports one violation of each kind.
	First bool

	// Until repeats the rounds until a violation of this kind, or of any kind for [Any], or until the budget is used up.
	Until history.Anomaly

	// Consistency is the level that a subject with levels declares; empty: none, so that only wrong data and lost writes violate the
	// contract. Bound is that of eventual consistency, 0: history.DefaultBound. Volatile: it declares that a restart loses the sessions.
	Consistency history.Level
	Bound       time.Duration
	Volatile    bool

	// Disturb is what happens to a target in the middle of each round; empty: nothing.
	Disturb Disturbance

	// Scenarios whose operations users perform, one scenario per round; each must pass [Fits]. None: operations of all kinds.
	Scenarios []scenarios.Scenario
}

// The defaults.
const (
	DefaultRounds   = 240
	DefaultBudget   = 20 * time.Second
	DefaultUsers    = 8
	DefaultOps      = 1000
	DefaultSeed     = 1
	DefaultPatience = 2 * time.Second
)

// Any stands for every anomaly in [Config].Until.
const Any history.Anomaly = "any"

// leastOverlap is the share of operations that must overlap another one on the same session: sequential operations prove nothing
// about locks.
const leastOverlap = 0.3

// Step is the progress of a run.
type Step struct {
	Round, Rounds int // completed, and in all; Rounds is 0 if the budget ends the run
}

// Run verifies a store. It changes GOMAXPROCS while it runs. If ctx ends before the run, Run returns ctx's error and a report on
// what was found by then, which is inconclusive without a violation. Goroutines stay in a store that hangs, unless it has a
// method Abandon() that ends them. What a target keeps for removed sessions is a violation, which is added at the end.
// A round is drawn from its seed: the same seed gives the same operations and pauses, but the Go scheduler orders them. Under a
// Schedule the order is the same, too.
func Run(ctx context.Context, cfg Config) (*Report, error) {
	cfg.Rounds = cmp.Or(cfg.Rounds, DefaultRounds)
	cfg.Budget = cmp.Or(cfg.Budget, DefaultBudget)
	cfg.Users = cmp.Or(cfg.Users, DefaultUsers)
	cfg.Ops = cmp.Or(cfg.Ops, DefaultOps)
	cfg.Patience = cmp.Or(cfg.Patience, DefaultPatience)
	cfg.Bound = cmp.Or(cfg.Bound, history.DefaultBound)
	r := &run{cfg: cfg, start: time.Now(), levels: newLevels(&cfg), report: &Report{
		SchemaVersion: SchemaVersion, Subject: cfg.Subject.Label, Params: cfg.Subject.Params, Seed: cfg.Seed,
		Scheduled: cfg.Schedule != nil,
	}}
	if cfg.Until == Any {
		r.cfg.First = true
	}
	if err := r.verify(ctx); err != nil && ctx.Err() == nil {
		return nil, err
	}
	r.conclude(ctx)
	return r.report, context.Cause(ctx)
}

type run struct {
	cfg    Config
	report *Report
	start  time.Time
	check  history.Checker
	again  int                // number of closures that ran more than once
	target *remote            // nil: a store
	levels *levels            // nil: the contract is linearizability
	leak   *history.Violation // what every round may show, so that it is reported at the end: it would hide all others from Config.First

	survival     history.Survival   // of restarts
	forgot       *history.Violation // the writes that did not survive
	undetermined int                // operations whose outcome is unknown

	points    *SyncPoints // of a schedule; nil: none
	undecided string      // why a round that did not end ends the run; empty: none
}

// verify runs the rounds.
func (r *run) verify(ctx context.Context) (err error) {
	if r.cfg.Schedule != nil {
		r.points = new(SyncPoints)
	}
	if r.cfg.Subject.OpenTarget != nil {
		if err := r.openTarget(ctx); err != nil || r.report.Violation != nil {
			return err
		}
		defer r.closeTarget()
	}
	if r.cfg.Schedule == nil {
		return r.press(ctx)
	}
	if err := r.round(ctx, r.cfg.Seed); err != nil || r.report.Violation != nil || r.undecided != "" {
		return err
	}
	return r.observe(ctx)
}

// press runs random rounds. The guarantees are observed after the first rounds, so that a store that breaks one is reported early.
func (r *run) press(ctx context.Context) error {
	first, all := firstRounds, r.cfg.Rounds
	if all > 0 {
		first = min(first, all)
	}
	for i := 0; (i != all || r.cfg.Until != "") && !r.over() && ctx.Err() == nil; i++ {
		if i > 0 && time.Since(r.start) > r.cfg.Budget {
			break
		}
		seed := r.cfg.Seed + uint64(i)
		if r.cfg.Until != "" && all > 0 {
			seed = r.cfg.Seed + uint64(i%all)
			r.report.Attempts = i/all + 1
		}
		if err := r.round(ctx, seed); err != nil {
			return err
		}
		if (i+1 == first || (all < 0 || r.cfg.Until != "") && (i+1)%roundsBetween == 0) && !r.over() {
			if err := r.observe(ctx); err != nil {
				return err
			}
		}
		if r.cfg.Progress != nil {
			step := Step{Round: i + 1}
			if r.cfg.Until == "" {
				step.Rounds = max(0, all)
			}
			r.cfg.Progress(step)
		}
	}
	return nil
}

// over reports whether the run ends: the wanted violation was found, the store cannot continue, or the checkers disagree.
func (r *run) over() bool {
	switch {
	case r.undecided != "", r.check.Disagreement() != "", r.report.has(history.Hang), r.report.has(history.Crash):
		return true
	case r.cfg.Until != "" && r.cfg.Until != Any:
		return r.report.has(r.cfg.Until)
	}
	return r.cfg.First && r.report.Violation != nil
}

// violated adds a violation to the report, unless it has one of this kind.
func (r *run) violated(v *history.Violation) (added bool) {
	if r.cfg.First && r.report.Violation != nil {
		return false
	}
	added = r.report.Add(v)
	if added && r.cfg.Found != nil {
		r.cfg.Found(v)
	}
	return added
}

// firstRounds is the number of rounds before the guarantees are first observed.
const firstRounds = 10

// roundsBetween is the number of rounds between two observations, if only the budget ends the run.
const roundsBetween = 200

func (r *run) round(ctx context.Context, seed uint64) error {
	one, err := r.play(ctx, seed)
	if err != nil {
		return err
	}
	r.report.Rounds++
	r.again += one.again
	if one.leak != nil && r.leak == nil {
		r.leak = one.leak
		r.leak.Seed = seed
	}
	if r.leak != nil && r.cfg.Until == r.leak.Anomaly {
		r.violated(r.leak)
	}
	r.undecided, r.report.Stacks = one.undecided, one.stacks
	if err := r.restarted(one); err != nil {
		return err
	}
	r.count(one)
	for _, v := range one.judge(ctx, &r.check, r.report.has) {
		v.Seed, v.Procs = seed, one.script.procs
		r.violated(v)
	}
	return nil
}

// judge returns the violations of a round, one of each kind that is not known yet. Those that a history shows come first, because
// the history proves them. If a result could not be recorded the histories are incomplete and are not checked.
func (r *round) judge(ctx context.Context, check *history.Checker, known func(history.Anomaly) bool) (found []*history.Violation) {
	whole := true
	if g := r.failed.Load(); g != nil {
		return []*history.Violation{g.violation(r.cfg.Patience, r.seed)}
	}
	for _, f := range r.violations {
		switch f.Anomaly {
		case history.Hang:
			return []*history.Violation{f.Violation}
		case history.UnexpectedError, history.RepeatedClosure, history.LostPanic:
			whole = false
		}
	}
	if whole {
		for i := range r.histories {
			check.Count(&r.histories[i], !r.script.direct)
		}
		if !r.levels.settled() {
			found = check.Check(ctx, r.histories, r.seed, known)
		}
		if r.levels != nil {
			found = r.levels.weigh(ctx, r.histories, found, r.seed)
		}
	}
	slices.SortStableFunc(r.violations, func(a, b violation) int {
		return cmp.Or(cmp.Compare(precedence(a.Detector), precedence(b.Detector)), cmp.Compare(a.at, b.at))
	})
	for _, f := range r.violations {
		if !known(f.Anomaly) && !slices.ContainsFunc(found, func(v *history.Violation) bool { return v.Anomaly == f.Anomaly }) {
			found = append(found, f.Violation)
		}
	}
	return found
}

// precedence is the order of violations by detector: causes before consequences.
func precedence(c history.Detector) int {
	return slices.Index([]history.Detector{history.ByAnswers, history.ByOccupancy, history.ByFairness, history.ByCensus}, c)
}

// conclude sets the verdict.
func (r *run) conclude(ctx context.Context) {
	r.report.Stats = r.check.Stats()
	r.report.ElapsedNs = int64(time.Since(r.start))
	if r.leak != nil {
		r.violated(r.leak)
	}
	r.concludeRestarts()
	r.concludeLevels()
	defer func() {
		var seen []Guarantee
		if r.levels == nil {
			seen = append(seen, r.linearizable())
		}
		if r.cfg.Subject.OpenTarget == nil {
			seen = append(seen, r.exclusiveUpdates())
		}
		r.report.Guarantees = append(seen, r.report.Guarantees...)
	}()
	switch {
	case r.report.Violation != nil:
		r.report.Verdict = history.Violated
	case r.undecided != "":
		r.report.inconclusive(NoProgress, r.undecided)
	case ctx.Err() != nil:
		r.report.inconclusive(Interrupted, "interrupted")
	case r.check.Disagreement() != "":
		r.report.inconclusive(Disagreement, r.check.Disagreement())
	case r.cfg.Until != "":
		tried := fmt.Sprintf("%d attempts", r.report.Attempts)
		if r.report.Attempts == 0 { // each round has a seed of its own
			tried = fmt.Sprintf("%d rounds", r.report.Rounds)
		}
		r.report.inconclusive(NotReproduced, fmt.Sprintf("no violation of the kind %q appeared in %s", r.cfg.Until, tried))
	case float64(r.undetermined) > mostUndetermined*float64(r.report.Operations):
		r.report.inconclusive(UnknownOutcomes, r.whyUndetermined())
	case r.report.Unknown > 0 && !r.levels.settled():
		r.report.inconclusive(SearchTimeout,
			fmt.Sprintf("the search for a linearization ran out of time or memory on %d sessions", r.report.Unknown))
	case r.report.Overlapped < leastOverlap && !r.report.Scheduled:
		r.report.inconclusive(LittleOverlap, fmt.Sprintf("%.0f %% of the operations overlapped another one on the same session, "+
			"and less than %.0f %% prove nothing", 100*r.report.Overlapped, 100*leastOverlap))
	case r.levels != nil && r.report.Level != history.LevelLinearizable:
		r.report.Verdict = history.Passed
	default:
		r.report.Verdict = history.Linearizable
	}
	if r.report.Level == history.LevelLinearizable && r.report.Verdict != history.Linearizable {
		r.report.Level = "" // that no history refutes it says nothing, if there are too few
	}
}

// brokenBy notes in g the most serious violation that which selects, and reports whether there is one.
func (r *run) brokenBy(g *Guarantee, which func(*history.Violation) bool) bool {
	all := r.report.All()
	i := slices.IndexFunc(all, which)
	if i >= 0 {
		g.Observed, g.Kept, g.Reported, g.Detail = "no", false, true, all[i].Why
	}
	return i >= 0
}

// linearizable is the verdict as a guarantee.
func (r *run) linearizable() Guarantee {
	g := Guarantee{Name: "linearizable", Declared: "yes", Observed: notObserved, Kept: true}
	switch {
	case r.brokenBy(&g, func(v *history.Violation) bool { return v.History != nil }):
	case r.report.Verdict == history.Linearizable ||
		r.report.Violation != nil && !r.report.has(history.Hang) && r.undecided == "" && r.report.Unknown == 0 && r.report.Sessions > 0:
		g.Observed = "yes"
	}
	return g
}

// exclusiveUpdates reports whether closures ran exactly once.
func (r *run) exclusiveUpdates() Guarantee {
	promised := r.cfg.Subject.Guarantees.ExclusiveUpdates
	g := Guarantee{Name: "exclusive updates", Declared: yes(promised), Observed: notObserved, Kept: true}
	switch {
	case r.brokenBy(&g, func(v *history.Violation) bool {
		return v.Anomaly == history.RepeatedClosure || v.Anomaly == history.MutualExclusion
	}):
	case r.again > 0:
		g.Observed, g.Detail = "no", fmt.Sprintf("%d closures ran more than once", r.again)
	case promised && r.report.Rounds > 0:
		g.Observed = "yes" // otherwise a round had shown it
	}
	return g
}
