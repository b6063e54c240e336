package result

// Explanation is where the time of a row's operations goes, from a pass of its own that is not timed. Shares are of the time from call to
// return, without the readings of the clock that the pass adds.
type Explanation struct {
	Operations int64            `json:"operations"` // that were observed
	Every      int              `json:"every"`      // one in so many of each user's operations was observed
	OpsPerSec  float64          `json:"ops_per_sec"`
	All        Parts            `json:"all"`
	Each       map[string]Parts `json:"each"`  // by operation
	Hooks      bool             `json:"hooks"` // the store reports when operations ask for their locks and get them
	Sessions   []Busy           `json:"busiest_sessions,omitempty"`
	Shards     []Busy           `json:"busiest_shards,omitempty"`
	ShardCount int              `json:"shards,omitempty"` // of the store
	Fairness   Fairness         `json:"fairness"`

	// IdealLockWait is the share of lock wait in each operation with a perfect store that has one lock per session.
	IdealLockWait map[string]float64 `json:"ideal_lock_wait,omitempty"`

	Profiles  []Profile             `json:"profiles,omitempty"`
	Functions map[string][]Function `json:"functions,omitempty"` // those with the largest shares: of processor time in operations (cpu), of delays at mutexes (mutex)
}

// Profile is a file that a pass has written, for go tool pprof or go tool trace.
type Profile struct {
	Kind string `json:"kind"` // cpu, mutex, block, heap, trace
	File string `json:"file"` // as the command line names the directory
}

// Function is a function and its share of a profile.
type Function struct {
	Name  string  `json:"name"`
	Share float64 `json:"share"`
}

// Parts is the mean time of operations and the shares of its parts. The other fields are of a single kind of operation.
type Parts struct {
	Count     int64              `json:"count"`
	MeanNs    float64            `json:"mean_ns"`
	Shares    map[string]float64 `json:"shares"` // by part; those of nothing are left out
	LockWaits *Latency           `json:"lock_waits_ns,omitempty"`
	Closures  *Latency           `json:"closures_ns,omitempty"`
	Contended float64            `json:"contended,omitempty"` // share of the calls of the store that had to wait for their lock
	Repeated  float64            `json:"repeated,omitempty"`  // share of the operations whose closure ran more than once
}

// Busy is a session or a shard and its share of the operations.
type Busy struct {
	Number     int     `json:"number"` // of the session's slot on the tape, or of the shard
	Operations int64   `json:"operations"`
	Share      float64 `json:"share"`
}
