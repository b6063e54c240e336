// Package result is the result document of a run, from which every table, file and later comparison is made.
package result

import (
	"slices"
	"time"
)

// SchemaVersion is the version of the document that this package writes, and the latest that it reads.
const SchemaVersion = 4

// Document is one run: measurements, machine and settings. All times end in _ns and are whole
// nanoseconds; all shares are fractions of one.
type Document struct {
	SchemaVersion int       `json:"schema_version"`
	ID            string    `json:"id"` // a random UUID
	Created       time.Time `json:"created"`
	Tool          Tool      `json:"tool"`
	Machine       Machine   `json:"machine"`
	Config        Config    `json:"config"`
	Harness       Harness   `json:"harness"`
	Protocol      *Harness  `json:"protocol,omitempty"`    // the same for programs in other languages: an adapter that does nothing
	Interrupted   bool      `json:"interrupted,omitempty"` // ended early: contains only completed trials
	Failure       string    `json:"failure,omitempty"`     // the error that ended it early, if any
	Traffic       *Traffic  `json:"traffic,omitempty"`     // the recorded traffic that was replayed
	Sweep         *Sweep    `json:"sweep,omitempty"`       // the setting that was varied; nil: none
	Results       []Result  `json:"results"`               // by scenario, in the requested order, the baseline first

	Part         *Part         `json:"part,omitempty"`         // set if the document is one part of a distributed run
	Participants []Participant `json:"participants,omitempty"` // the participants whose parts were merged
}

// Part identifies a part of a distributed run.
type Part struct {
	RunID  string `json:"run_id"`
	Index  int    `json:"index"` // from 0
	Count  int    `json:"count"`
	Host   string `json:"host,omitempty"`    // host name
	SkewNs int64  `json:"skew_ns,omitempty"` // maximum distance between the agreed time and the start of a window
}

// Share returns the range lo ≤ i < hi of this participant's users out of n.
func (p *Part) Share(n int) (lo, hi int) { return p.Index * n / p.Count, (p.Index + 1) * n / p.Count }

// Participant is one process of a distributed run.
type Participant struct {
	Name    string   `json:"name"` // for messages: participant 2 of 4, or its document's file
	Index   int      `json:"index"`
	Count   int      `json:"count"`
	Host    string   `json:"host,omitempty"`
	ID      string   `json:"id,omitempty"` // of its document
	Users   int      `json:"users,omitempty"`
	Machine *Machine `json:"machine,omitempty"`
	SkewNs  int64    `json:"skew_ns,omitempty"` // as in Part
	Missing bool     `json:"missing,omitempty"` // missing from the document
	Reason  string   `json:"reason,omitempty"`  // why it is missing
}

// Called returns the participant's name for messages, with its host.
func (p *Participant) Called() string {
	if p.Host == "" {
		return p.Name
	}
	return p.Name + " (" + p.Host + ")"
}

// Tool is the program that wrote the document.
type Tool struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
}

// Machine describes the measuring machine. Unknown values are empty or zero.
type Machine struct {
	CPU        string  `json:"cpu"`
	Cores      int     `json:"cores"`
	GOMAXPROCS int     `json:"gomaxprocs"`
	CgroupCPUs float64 `json:"cgroup_cpus,omitempty"` // quota of the control group in processors; 0: none
	OS         string  `json:"os"`
	Kernel     string  `json:"kernel"`
	Go         string  `json:"go"`
	Load1      float64 `json:"load1"` // load average over a minute, before the start
}

// Config is the run's settings after defaults, file, environment and flags. Those in the two maps have the names of their flags and
// the notation of the command line.
type Config struct {
	Strategies []string          `json:"strategies"`
	Targets    []string          `json:"targets,omitempty"` // as given by the user
	Scenarios  []string          `json:"scenarios"`
	Baseline   string            `json:"baseline,omitempty"`
	Params     map[string]string `json:"params,omitempty"`
	Runs       int               `json:"runs"`
	Settings   map[string]string `json:"settings,omitempty"`  // with other values results are not comparable
	Overrides  map[string]string `json:"overrides,omitempty"` // in place of scenarios' defaults; results and tapes have their effect
	Trace      string            `json:"trace,omitempty"`     // the file's base name
	Command    string            `json:"command,omitempty"`   // the command line
}

// Harness is the cost of an operation on a store that does nothing: tape, closure, clock, histogram and ledger.
type Harness struct {
	NsPerOp     float64 `json:"ns_per_op"` // processor time
	OpsPerSec   float64 `json:"ops_per_sec"`
	AllocsPerOp float64 `json:"allocs_per_op"`
}

// CostOf returns the cost of an operation in a trial of a store that does nothing.
func CostOf(t *Trial) *Harness {
	return &Harness{NsPerOp: t.Usage.CPUNsPerOp, OpsPerSec: t.OpsPerSec, AllocsPerOp: t.Usage.AllocsPerOp}
}

// MeanCost returns the cost of an operation over several processes, or nil if none measured it. Elements may be nil.
func MeanCost(list []*Harness) *Harness {
	var mean Harness
	for _, h := range list {
		if h != nil {
			mean.OpsPerSec += h.OpsPerSec
			mean.NsPerOp += h.NsPerOp * h.OpsPerSec
			mean.AllocsPerOp += h.AllocsPerOp * h.OpsPerSec
		}
	}
	if mean.OpsPerSec == 0 {
		return nil
	}
	mean.NsPerOp /= mean.OpsPerSec
	mean.AllocsPerOp /= mean.OpsPerSec
	return &mean
}

// Traffic describes which part of a recorded log was replayed.
type Traffic struct {
	File       string           `json:"file"` // base name
	Format     string           `json:"format"`
	Lines      int64            `json:"lines"`
	Malformed  int64            `json:"malformed"`
	Clipped    int64            `json:"clipped,omitempty"` // entries that were cut to the maximum size
	Visits     int64            `json:"visits"`
	Sessions   int64            `json:"sessions"`
	Operations map[string]int64 `json:"operations"`
	SpanNs     int64            `json:"span_ns"`
	Hash       string           `json:"hash"`
}

// Result is one strategy under one scenario.
type Result struct {
	Strategy string            `json:"strategy"` // with its settings if it was requested more than once: sharded:shards=16
	Scenario string            `json:"scenario"`
	Params   map[string]string `json:"params,omitempty"`
	Target   string            `json:"target,omitempty"` // name of the target, if the row is not a strategy of this process
	Note     string            `json:"note,omitempty"`   // a warning about the row
	Baseline bool              `json:"baseline"`
	Workload
	LimitOpsPerSec float64      `json:"limit_ops_per_sec,omitempty"` // median over the trials
	WaitNs         int64        `json:"wait_ns,omitempty"`           // with hold 0: mean wait of an update for its lock, from a separate pass
	Ideal          *Ideal       `json:"ideal,omitempty"`             // in an open loop
	Search         *Search      `json:"search,omitempty"`            // for the highest rate; nil: none
	Explanation    *Explanation `json:"explanation,omitempty"`       // of where the time goes; nil: not asked for
	Trials         []Trial      `json:"trials"`                      // in the order they ran
	Summary        Summary      `json:"summary"`
}

// Workload is what the users of a result do.
type Workload struct {
	TapeHash   string `json:"tape_hash"`
	Load       string `json:"load,omitempty"` // of an open loop, as on the command line: its rate, stages and kind of arrivals
	Ramp       string `json:"ramp,omitempty"` // of a closed loop whose number of active users changes: its stages. Users is the most of them
	Users      int    `json:"users"`
	Sessions   int    `json:"sessions"`
	HoldNs     int64  `json:"hold_ns"`              // requested
	HoldKind   string `json:"hold_kind"`            // sleep or spin
	ThinkNs    int64  `json:"think_ns"`             // requested
	WindowNs   int64  `json:"window_ns,omitempty"`  // of a trial; 0: until all visits are completed
	Iterations int    `json:"iterations,omitempty"` // visits per user in a trial; 0: as many as the window allows
}

// Trial is one measured window on a fresh store.
type Trial struct {
	Order           int                  `json:"order"` // position among all trials of the run, from 0
	Block           int                  `json:"block"` // its block: one trial of each strategy, in random order
	Ops             int64                `json:"ops"`   // completed inside the window
	Visits          int64                `json:"visits"`
	Errors          map[string]int64     `json:"errors,omitempty"` // by kind; not_found is no failure if the scenario removes sessions
	ElapsedNs       int64                `json:"elapsed_ns"`
	OpsPerSec       float64              `json:"ops_per_sec"`
	LimitOpsPerSec  float64              `json:"limit_ops_per_sec,omitempty"` // computed with this trial's hold and think times
	LatencyNs       Latency              `json:"latency_ns"`
	Operations      map[string]Operation `json:"operations"`
	BytesPerSession float64              `json:"bytes_per_session,omitempty"`
	Usage           Usage                `json:"usage"`
	Locks           Locks                `json:"locks"`
	ThinkNs         int64                `json:"think_ns,omitempty"`       // mean measured think time per operation
	ThinkTimes      *Latency             `json:"think_times_ns,omitempty"` // measured think times that lie entirely in the window
	Waiting         *Waiting             `json:"waiting,omitempty"`        // nil: users neither hold nor think in this process
	MutexWaitNs     *int64               `json:"mutex_wait_ns,omitempty"`  // all goroutines' wait on mutexes in the window; nil: waits on channels
	Totals          map[string]float64   `json:"totals,omitempty"`         // other figures, by the names of their metrics; those of the parts of a run add up
	Fairness        Fairness             `json:"fairness"`
	Histogram       string               `json:"histogram,omitempty"` // all latencies: HDR V2, compressed, base64
	OpenLoop        *OpenLoop            `json:"open_loop,omitempty"` // nil: a closed loop
	Series          *Series              `json:"series,omitempty"`
	Audit           Audit                `json:"audit"`
	Explanation     *Explanation         `json:"explanation,omitempty"` // of the pass that explains; results have it otherwise
}

// Usage is the memory and the processor time that a trial used.
type Usage struct {
	AllocsPerOp    float64 `json:"allocs_per_op"`
	BytesPerOp     float64 `json:"bytes_per_op"`
	CPUNsPerOp     float64 `json:"cpu_ns_per_op,omitempty"`        // of this process and of a target that it started; excludes WaitCPUNsPerOp
	WaitCPUNsPerOp float64 `json:"wait_cpu_ns_per_op,omitempty"`   // processor time of holds and pauses: timers, wake-ups, polling
	TargetCPUNs    float64 `json:"target_cpu_ns_per_op,omitempty"` // the target's part of it
	TargetMemory   int64   `json:"target_memory_bytes,omitempty"`  // resident memory of the target's processes at the end of the window
}

// Locks is what the updates of a trial did under the locks of their sessions.
type Locks struct {
	UpdateFraction  float64  `json:"update_fraction,omitempty"`        // fraction of the completed operations that changed a session: w of the limit
	BusiestFraction float64  `json:"busiest_fraction,omitempty"`       // the part of it on the most changed session: p of the limit
	HoldNs          int64    `json:"hold_ns,omitempty"`                // mean measured work under the lock; for spinning: measured separately
	WaitNs          int64    `json:"wait_ns,omitempty"`                // mean time from the call of an update to the start of its work
	HoldTimes       *Latency `json:"hold_times_ns,omitempty"`          // measured holds that ended in the window; nil: not measured, or spinning
	Holds           string   `json:"hold_hist,omitempty"`              // histogram of HoldTimes, as in Trial; only in an open loop
	HeldNsPerOp     float64  `json:"held_ns_per_op,omitempty"`         // time inside the window during which sessions were held, per completed operation: w·h of the limit
	BusiestHeld     float64  `json:"busiest_held_ns_per_op,omitempty"` // the busiest session's part of it, if known: p·h of the limit
}

// Waiting is the processor use of hold and think times in a trial's window, as far as it is counted.
type Waiting struct {
	Count    int64 `json:"count"`     // hold and think times that ended
	Wakeups  int64 `json:"wakeups"`   // wake-ups of a blocked process for them
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

	Censored *Censored `json:"censored,omitempty"` // of Count; nil: none
}

// Operation is one kind of operation in a trial.
type Operation struct {
	Count     int64    `json:"count"`
	Errors    int64    `json:"errors"`
	LatencyNs Latency  `json:"latency_ns"`
	ServiceNs *Latency `json:"service_ns,omitempty"`   // in an open loop
	Histogram string   `json:"histogram,omitempty"`    // of LatencyNs, as in Trial; older documents have it in the parts of a distributed run only
	Service   string   `json:"service_hist,omitempty"` // the histogram of ServiceNs, as Histogram
}

// Fairness describes how evenly the operations are distributed over the users.
type Fairness struct {
	Jain       float64 `json:"jain"`              // Jain's index over completed operations: 1: even, 1/users: a single user
	MinOverMax float64 `json:"min_over_max"`      // slowest user over fastest
	MinOps     int64   `json:"min_ops,omitempty"` // operations that the slowest user completed
	MaxOps     int64   `json:"max_ops,omitempty"` // and the fastest; 0: unknown
}

// Audit is the result of the check after a trial. A trial that is not OK has no speed.
type Audit struct {
	OK         bool        `json:"ok"`
	Skipped    bool        `json:"skipped,omitempty"` // a probe of the harness stores nothing, so there is nothing to audit
	Violations []Violation `json:"violations,omitempty"`
	Omitted    int         `json:"violations_omitted,omitempty"` // violations beyond those listed
	Recorded   *Recorded   `json:"recorded,omitempty"`
	Undecided  string      `json:"undecided,omitempty"` // why the trial was aborted without a result
	Partial    string      `json:"partial,omitempty"`   // why a target's sessions were checked only partly
}

// Recorded counts the sessions whose complete histories were checked for linearizability. Sessions that are neither
// certified nor undecided were refuted, and are among the violations.
type Recorded struct {
	Sessions   int    `json:"sessions"`   // checked
	Operations int    `json:"operations"` // recorded
	Certified  int    `json:"certified"`
	Undecided  int    `json:"undecided"`
	Unchecked  string `json:"unchecked,omitempty"` // why nothing was checked, for example truncated for lack of memory
}

// Violation is one breach of the contract by a store.
type Violation struct {
	Kind    string `json:"kind"` // lost update, …
	Session string `json:"session,omitempty"`
	Detail  string `json:"detail"`
}

// Summary summarizes a result's trials. It is zero if the audit of a trial failed.
type Summary struct {
	OpsPerSec       Interval `json:"ops_per_sec"`
	LatencyNs       Latency  `json:"latency_ns"` // median of each value over the trials, except for pooled values
	AllocsPerOp     float64  `json:"allocs_per_op"`
	BytesPerSession float64  `json:"bytes_per_session"`
	VsBaseline      *Ratio   `json:"vs_baseline,omitempty"`
	NoRatio         string   `json:"no_ratio,omitempty"`         // why there is no VsBaseline although both rows have a speed
	HoldNs          int64    `json:"hold_ns,omitempty"`          // measured, median; 0: not measured
	HoldNotReached  bool     `json:"hold_not_reached,omitempty"` // it differs by more than 5 % from the requested time: the row is not ranked
	ThinkNs         int64    `json:"think_ns,omitempty"`         // the same for think times
	ThinkNotReached bool     `json:"think_not_reached,omitempty"`
	OfLimit         float64  `json:"of_limit,omitempty"`
	HarnessBound    bool     `json:"harness_bound,omitempty"`
	SchedulerBound  bool     `json:"scheduler_bound,omitempty"`
	AuditOK         bool     `json:"audit_ok"`

	// Pooled lists the percentiles of LatencyNs that are computed from the samples of all trials, in all results of the
	// scenario, because single trials of some result have too few samples. Then max is that of all trials as well.
	Pooled map[string]Pooled `json:"pooled,omitempty"`
}

// Pooled is the range of a pooled value when any one trial is left out.
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

// Failed reports whether the audit of any trial failed.
func (d *Document) Failed() bool {
	return slices.ContainsFunc(d.Results, func(r Result) bool { return r.Failed() })
}

// Failed reports whether the audit of any trial of the result failed.
func (r *Result) Failed() bool {
	return slices.ContainsFunc(r.Trials, func(t Trial) bool { return t.Failed() })
}

// Failed reports whether the audit of the trial failed.
func (t *Trial) Failed() bool { return !t.Audit.OK && !t.Audit.Skipped }

// Audited reports whether the result has trials and all of them were audited.
func (r *Result) Audited() bool {
	return len(r.Trials) > 0 && !slices.ContainsFunc(r.Trials, func(t Trial) bool { return t.Audit.Skipped })
}
