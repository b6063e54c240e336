package result

// OpenLoop is what a trial has in an open loop besides other trials. There, a trial's latencies are response times: they count from the
// intended start, which is the arrival of a visit for its first operation, and the end of the previous operation plus the think time
// for each other one. Operations without an answer, in remote systems, count as ones that do not end.
type OpenLoop struct {
	Offered    float64 `json:"offered"`              // operations per second, of the visits that arrived in the window
	Achieved   float64 `json:"achieved"`             // operations per second that ended in the window, divided by Offered
	Growth     float64 `json:"growth"`               // visits by which the number of those that had arrived and not ended grew in the window
	ArrivalNs  int64   `json:"arrival_ns,omitempty"` // in which the visits arrived; 0: the trial's duration, as everywhere but in the replay of a log
	Saturated  bool    `json:"saturated"`            // it grew by more than arrivals at random explain: the store cannot keep up
	Queue      int64   `json:"queue_max"`            // the most visits that waited for a user
	Users      int     `json:"users_max"`            // the most visits at a time that had one
	Limit      int     `json:"users_limit"`          // the most that may have one
	Unserved   int64   `json:"unserved"`             // visits of the window that no user had started when the drain was over
	Serialised int64   `json:"serialised,omitempty"` // visits of a log that waited for an earlier one of their session
	StartNs    Latency `json:"start_ns"`             // start delays: from the arrival of a visit to its actual start
	ServiceNs  Latency `json:"service_ns"`           // from the call of an operation to its return
	VisitNs    Latency `json:"visit_ns"`             // from the arrival of a visit to the end of its last operation, without think times
	Start      string  `json:"start_hist,omitempty"`
	Service    string  `json:"service_hist,omitempty"` // histograms, as in Trial
	Visit      string  `json:"visit_hist,omitempty"`
}

// Censored is the values of a distribution of which only a lower bound is known: operations that had not ended when the trial did.
// They are counted with that bound.
type Censored struct {
	Count   int64 `json:"count"`
	LeastNs int64 `json:"least_ns"` // the smallest bound: larger percentiles are lower bounds themselves
}

// Add adds values to c, which may be nil, and returns the sum.
func (c *Censored) Add(of *Censored) *Censored {
	switch {
	case of == nil || of.Count == 0:
		return c
	case c == nil:
		sum := *of
		return &sum
	}
	return &Censored{c.Count + of.Count, min(c.LeastNs, of.LeastNs)}
}

// AtLeast reports whether a value of the distribution, such as a percentile, is only a lower bound.
func (l *Latency) AtLeast(ns int64) bool { return l.Censored != nil && ns >= l.Censored.LeastNs }

// Ideal is what perfect stores reach with the arrivals and the measured hold of a result of an open loop, computed in virtual time: their
// locks are granted in the order of the requests and cost nothing. Operations that had not ended at the end of the drain are left out.
type Ideal struct {
	OneLock    Perfect `json:"one_lock"`
	PerSession Perfect `json:"lock_per_session"`
}

// Perfect is the figures of one perfect store.
type Perfect struct {
	OpsPerSec float64 `json:"ops_per_sec"`
	Achieved  float64 `json:"achieved"`
	LatencyNs Latency `json:"latency_ns"`
	VisitNs   Latency `json:"visit_ns"`
}
