// Package result is the document a run ends in: what every table, file and later comparison is made from.
package result

import "time"

// SchemaVersion is the version of the document this package writes. It reads no later one.
const SchemaVersion = 1

// Document is one run: what was measured, on what machine, with what settings. All times end in _ns and are whole
// nanoseconds; all shares are fractions of one.
type Document struct {
	SchemaVersion int       `json:"schema_version"`
	ID            string    `json:"id"` // a random UUID
	Created       time.Time `json:"created"`
	Tool          Tool      `json:"tool"`
	Machine       Machine   `json:"machine"`
	Config        Config    `json:"config"`
	Harness       Harness   `json:"harness"`
	Protocol      *Harness  `json:"protocol,omitempty"`    // likewise, for programs in other languages: an adapter that does nothing
	Interrupted   bool      `json:"interrupted,omitempty"` // ended early: only finished trials are in it
	Failure       string    `json:"failure,omitempty"`     // the error that ended it early, if one did
	Traffic       *Traffic  `json:"traffic,omitempty"`     // the recorded traffic that was replayed
	Results       []Result  `json:"results"`               // in the order asked for, the baseline first, scenario by scenario

	Part         *Part         `json:"part,omitempty"`         // of a run on several machines it is one part; nil: it is all there is
	Participants []Participant `json:"participants,omitempty"` // whose parts it was merged from
}

// Part says which part of a run on several machines a document is.
type Part struct {
	RunID  string `json:"run_id"`
	Index  int    `json:"index"` // from 0
	Of     int    `json:"of"`
	Host   string `json:"host,omitempty"`    // where it ran, as the machine calls itself
	SkewNs int64  `json:"skew_ns,omitempty"` // how far from the agreed instant a window may have opened, at most
}

// Share is which of n users are this participant's: from lo up to hi.
func (p *Part) Share(n int) (lo, hi int) { return p.Index * n / p.Of, (p.Index + 1) * n / p.Of }

// Participant is one of the processes that shared a run.
type Participant struct {
	Name    string   `json:"name"` // as messages call it: participant 2 of 4, or its document's file
	Index   int      `json:"index"`
	Of      int      `json:"of"`
	Host    string   `json:"host,omitempty"`
	ID      string   `json:"id,omitempty"` // its document's
	Users   int      `json:"users,omitempty"`
	Machine *Machine `json:"machine,omitempty"`
	SkewNs  int64    `json:"skew_ns,omitempty"` // as in Part
	Lost    bool     `json:"lost,omitempty"`    // nothing of it is in the document
	Why     string   `json:"why,omitempty"`     // it was lost
}

// Called is the participant as messages call it, with the machine that it is on.
func (p *Participant) Called() string {
	if p.Host == "" {
		return p.Name
	}
	return p.Name + " (" + p.Host + ")"
}

// Tool is the program that made the document.
type Tool struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
}

// Machine is where it was measured. Empty or zero where the system does not say.
type Machine struct {
	CPU        string  `json:"cpu"`
	Cores      int     `json:"cores"`
	GOMAXPROCS int     `json:"gomaxprocs"`
	CgroupCPUs float64 `json:"cgroup_cpus,omitempty"` // the quota of the control group in processors; 0: none
	OS         string  `json:"os"`
	Kernel     string  `json:"kernel"`
	Go         string  `json:"go"`
	Load1      float64 `json:"load1"` // load average over a minute, before the start
}

// Config is the run's settings after defaults, file, environment and flags.
type Config struct {
	Strategies []string          `json:"strategies"`
	Targets    []string          `json:"targets,omitempty"` // as they were asked for
	Scenarios  []string          `json:"scenarios"`
	Baseline   string            `json:"baseline,omitempty"`
	Users      int               `json:"users,omitempty"`    // 0: each scenario's own
	Sessions   int               `json:"sessions,omitempty"` // likewise
	Runs       int               `json:"runs"`
	DurationNs int64             `json:"duration_ns,omitempty"`
	WarmupNs   int64             `json:"warmup_ns"`
	Iterations int               `json:"iterations,omitempty"`
	HoldNs     *int64            `json:"hold_ns,omitempty"`   // nil: each scenario's own
	HoldKind   string            `json:"hold_kind,omitempty"` // likewise
	ThinkNs    int64             `json:"think_ns"`
	TTLNs      int64             `json:"ttl_ns,omitempty"`
	Keys       string            `json:"keys,omitempty"`
	Mix        string            `json:"mix,omitempty"`
	Seed       uint64            `json:"seed"`
	Record     int               `json:"record,omitempty"` // of one session in so many the history was recorded; 0: of none
	Params     map[string]string `json:"params,omitempty"`
	Trace      string            `json:"trace,omitempty"` // the file's base name
	TraceSpeed string            `json:"trace_speed,omitempty"`
	Command    string            `json:"command,omitempty"` // what was typed
}

// Harness is what an operation costs when the store does nothing: tape, closure, clock, histogram and audit bookkeeping.
type Harness struct {
	NsPerOp     float64 `json:"ns_per_op"` // processor time
	OpsPerSec   float64 `json:"ops_per_sec"`
	AllocsPerOp float64 `json:"allocs_per_op"`
}

// Traffic says what share of a recorded log was replayed.
type Traffic struct {
	File       string           `json:"file"` // base name
	Format     string           `json:"format"`
	Lines      int64            `json:"lines"`
	Malformed  int64            `json:"malformed"`
	Clipped    int64            `json:"clipped,omitempty"` // entries larger than the largest that is sent, which were cut to it
	Visits     int64            `json:"visits"`
	Sessions   int64            `json:"sessions"`
	Operations map[string]int64 `json:"operations"`
	SpanNs     int64            `json:"span_ns"`
	Hash       string           `json:"hash"`
}

// Result is one strategy under one scenario.
type Result struct {
	Strategy       string            `json:"strategy"` // with its settings where it was asked for more than once: sharded:shards=16
	Scenario       string            `json:"scenario"`
	Params         map[string]string `json:"params,omitempty"`
	Target         string            `json:"target,omitempty"` // a target's own name; it has no strategy of this process's
	Remark         string            `json:"remark,omitempty"` // what must be known of the row
	Baseline       bool              `json:"baseline"`
	TapeHash       string            `json:"tape_hash"`
	Users          int               `json:"users"`
	Sessions       int               `json:"sessions"`
	HoldNs         int64             `json:"hold_ns"`                     // asked for
	HoldKind       string            `json:"hold_kind"`                   // sleep or spin
	ThinkNs        int64             `json:"think_ns"`                    // asked for
	WindowNs       int64             `json:"window_ns,omitempty"`         // of a trial; 0: until all visits were done
	Iterations     int               `json:"iterations,omitempty"`        // visits of each user in a trial; 0: as many as the window allows
	LimitOpsPerSec float64           `json:"limit_ops_per_sec,omitempty"` // median over the trials
	WaitNs         int64             `json:"wait_ns,omitempty"`           // with hold 0: mean wait of an update for its lock, from a pass of its own
	Trials         []Trial           `json:"trials"`                      // in the order they ran
	Summary        Summary           `json:"summary"`
}

// Trial is one measured window on a fresh store.
type Trial struct {
	Order           int                  `json:"order"` // position among all trials of the run, from 0
	Block           int                  `json:"block"` // the round it belongs to: one trial of each strategy, in an order of its own
	Ops             int64                `json:"ops"`   // completed inside the window
	Visits          int64                `json:"visits"`
	Errors          map[string]int64     `json:"errors,omitempty"` // by kind; not_found where sessions come and go is no failure
	ElapsedNs       int64                `json:"elapsed_ns"`
	OpsPerSec       float64              `json:"ops_per_sec"`
	LimitOpsPerSec  float64              `json:"limit_ops_per_sec,omitempty"` // with this trial's hold and think times
	LatencyNs       Latency              `json:"latency_ns"`
	Operations      map[string]Operation `json:"operations"`
	AllocsPerOp     float64              `json:"allocs_per_op"`
	BytesPerOp      float64              `json:"bytes_per_op"`
	BytesPerSession float64              `json:"bytes_per_session,omitempty"`
	CPUNsPerOp      float64              `json:"cpu_ns_per_op,omitempty"`          // of this process, and of a target's that it started; without WaitCPUNsPerOp
	WaitCPUNsPerOp  float64              `json:"wait_cpu_ns_per_op,omitempty"`     // processor time of holds and pauses: timers, wake-ups, polling
	TargetCPUNs     float64              `json:"target_cpu_ns_per_op,omitempty"`   // the target's part of it
	TargetMemory    int64                `json:"target_memory_bytes,omitempty"`    // resident in the target's processes at the window's end
	HoldNs          int64                `json:"hold_ns,omitempty"`                // mean measured work under the lock; for work on the processor: measured alone
	WaitNs          int64                `json:"wait_ns,omitempty"`                // mean time from an update's call to its work's start
	ThinkNs         int64                `json:"think_ns,omitempty"`               // mean measured think time, an operation
	HoldTimes       *Latency             `json:"hold_times_ns,omitempty"`          // measured holds that ended in the window; nil: not measured, or on the processor
	ThinkTimes      *Latency             `json:"think_times_ns,omitempty"`         // measured pauses that lie whole in the window
	Waiting         *Waiting             `json:"waiting,omitempty"`                // nil: users neither hold nor pause in this process
	HeldNsPerOp     float64              `json:"held_ns_per_op,omitempty"`         // time inside the window during which sessions were held, per completed operation: w·h of the limit
	BusiestHeld     float64              `json:"busiest_held_ns_per_op,omitempty"` // the busiest session's part of it, where that is known: p·h of the limit
	Updates         float64              `json:"updates,omitempty"`                // share of the completed operations that changed a session: w of the limit
	Busiest         float64              `json:"busiest,omitempty"`                // the part of it that was the most changed session's: p of the limit
	MutexWaitNs     *int64               `json:"mutex_wait_ns,omitempty"`          // all goroutines' wait on mutexes in the window; nil: waits on channels
	GCPauseNs       int64                `json:"gc_pause_ns"`
	GoroutinesMax   int                  `json:"goroutines_max"`
	Fairness        Fairness             `json:"fairness"`
	Dropped         int64                `json:"dropped"`
	Histogram       string               `json:"histogram,omitempty"` // all latencies: HDR V2, compressed, base64
	Audit           Audit                `json:"audit"`
}

// Waiting is what holds and pauses took of the processors in a trial's window, as far as it is counted.
type Waiting struct {
	Count    int64 `json:"count"`     // holds and pauses that ended
	Alarms   int64 `json:"alarms"`    // times that a blocked process was woken for them
	PolledNs int64 `json:"polled_ns"` // processor time spent polling for their end
}

// Latency describes a distribution of latencies in nanoseconds. A percentile that fewer than ten samples lie beyond is nil.
type Latency struct {
	P50   *int64 `json:"p50,omitempty"`
	P90   *int64 `json:"p90,omitempty"`
	P95   *int64 `json:"p95,omitempty"`
	P99   *int64 `json:"p99,omitempty"`
	P999  *int64 `json:"p99_9,omitempty"`
	P9999 *int64 `json:"p99_99,omitempty"`
	Max   int64  `json:"max"`
	Mean  int64  `json:"mean"`
	Count int64  `json:"count"`
}

// Operation is one kind of operation in a trial.
type Operation struct {
	Count     int64   `json:"count"`
	Errors    int64   `json:"errors"`
	LatencyNs Latency `json:"latency_ns"`
	Histogram string  `json:"histogram,omitempty"` // as a trial's; in the parts of a run, which are merged
}

// Fairness says how evenly the users got on.
type Fairness struct {
	Jain       float64 `json:"jain"`            // Jain's index over completed operations: 1 is even, 1/users is one user alone
	MinOverMax float64 `json:"min_over_max"`    // slowest user over fastest
	Least      int64   `json:"least,omitempty"` // operations that the slowest user completed
	Most       int64   `json:"most,omitempty"`  // and the fastest; 0: not known
}

// Audit is what the check after a trial found. A trial that is not OK has no speed.
type Audit struct {
	OK         bool        `json:"ok"`
	Skipped    bool        `json:"skipped,omitempty"` // a probe of the harness keeps nothing that could be audited
	Violations []Violation `json:"violations,omitempty"`
	More       int         `json:"more,omitempty"` // violations beyond those listed
	Recorded   *Recorded   `json:"recorded,omitempty"`
	Undecided  string      `json:"undecided,omitempty"` // why the trial was given up without a finding
	Partial    string      `json:"partial,omitempty"`   // why a target's sessions were not checked to the end
}

// Recorded says what came of the sessions whose histories were recorded whole and checked for linearizability. Those that
// are neither certified nor undecided were refuted, and are among the violations.
type Recorded struct {
	Sessions   int    `json:"sessions"`   // checked
	Operations int    `json:"operations"` // recorded
	Certified  int    `json:"certified"`
	Undecided  int    `json:"undecided"`
	Unchecked  string `json:"unchecked,omitempty"` // why nothing was checked: cut for lack of room, for example
}

// Violation is one thing that must not have happened.
type Violation struct {
	Kind    string `json:"kind"` // in the field's words: lost update, …
	Session string `json:"session,omitempty"`
	Detail  string `json:"detail"`
}

// Summary draws a result's trials together. Zero when a trial's audit failed.
type Summary struct {
	OpsPerSec       Interval `json:"ops_per_sec"`
	LatencyNs       Latency  `json:"latency_ns"` // median of each figure over the trials, but for what is pooled
	AllocsPerOp     float64  `json:"allocs_per_op"`
	BytesPerSession float64  `json:"bytes_per_session"`
	VsBaseline      *Ratio   `json:"vs_baseline,omitempty"`
	NoRatio         string   `json:"no_ratio,omitempty"`         // why there is no VsBaseline although both rows have a speed
	HoldNs          int64    `json:"hold_ns,omitempty"`          // measured, median; 0: not measured
	HoldNotReached  bool     `json:"hold_not_reached,omitempty"` // it differs by more than 5 % from what was asked for: the row is not ranked
	ThinkNs         int64    `json:"think_ns,omitempty"`         // likewise of pauses
	ThinkNotReached bool     `json:"think_not_reached,omitempty"`
	OfLimit         float64  `json:"of_limit,omitempty"`
	HarnessBound    bool     `json:"harness_bound,omitempty"`
	SchedulerBound  bool     `json:"scheduler_bound,omitempty"`
	AuditOK         bool     `json:"audit_ok"`

	// Pooled says which percentiles of LatencyNs, by their names there, are those of the samples of all trials together,
	// in all results of the scenario that have them, because single trials of some result have too few samples. Then max
	// is that of all trials, too.
	Pooled map[string]Pooled `json:"pooled,omitempty"`
}

// Pooled is how much a pooled figure depends on a single trial: the least and the largest that it is without one of them.
type Pooled struct {
	LoNs int64 `json:"lo_ns"`
	HiNs int64 `json:"hi_ns"`
}

// Interval is a median with a distribution-free confidence interval of at least 95 %.
// With fewer than six trials no such interval exists: Lo and Hi are then equal to 0.
type Interval struct {
	Median float64 `json:"median"`
	Lo     float64 `json:"lo"`
	Hi     float64 `json:"hi"`
}

// Ratio is a result's throughput over the baseline's, from the log-ratios block by block.
type Ratio struct {
	Ratio float64 `json:"ratio"` // the median
	Lo    float64 `json:"lo"`    // as in Interval
	Hi    float64 `json:"hi"`
	P     float64 `json:"p"` // two-sided sign test of "no difference"
}

// Failed reports whether any trial's audit failed.
func (d *Document) Failed() bool {
	for i := range d.Results {
		for _, t := range d.Results[i].Trials {
			if !t.Audit.OK && !t.Audit.Skipped {
				return true
			}
		}
	}
	return false
}
