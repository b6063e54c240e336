package result

// Series is a trial over time: intervals of equal length, the first of which begins with the window. An operation is in the one in which
// it ended; in an open loop, where operations of the window are awaited after it, some intervals follow the window. Operations
// and errors add up to the trial's.
type Series struct {
	IntervalNs int64   `json:"interval_ns"`
	Points     []Point `json:"points"` // one for each interval
}

// Point is one interval of a [Series].
type Point struct {
	Ops       int64   `json:"ops"` // completed inside the window, as in Trial
	Errors    int64   `json:"errors,omitempty"`
	Queue     int64   `json:"queue_max,omitempty"` // in an open loop: the most visits that waited for a user
	Open      int64   `json:"open_max,omitempty"`  // and the most that had arrived and not ended
	Users     float64 `json:"users,omitempty"`     // where their number changes: the mean number of active users
	Latencies int64   `json:"latencies"`           // of which the next three are, and which Trial has of the whole window
	P50       *int64  `json:"p50_ns,omitempty"`    // see Latency
	P99       *int64  `json:"p99_ns,omitempty"`
	Max       int64   `json:"max_ns,omitempty"`
	Censored  int64   `json:"censored,omitempty"`    // of Latencies, lower bounds: of operations without an end, most of them in the last interval
	GCPauseNs int64   `json:"gc_pause_ns,omitempty"` // in which the garbage collector had stopped the process
	Sweeps    int64   `json:"sweeps,omitempty"`      // for expired sessions, that ended
}

// Add adds what can be added of another interval, or of the same one in another process: not the visits, nor the percentiles.
func (p *Point) Add(of *Point) {
	p.Ops += of.Ops
	p.Users += of.Users
	p.Errors += of.Errors
	p.Latencies += of.Latencies
	p.Max = max(p.Max, of.Max)
	p.Censored += of.Censored
	p.GCPauseNs += of.GCPauseNs
	p.Sweeps += of.Sweeps
}
