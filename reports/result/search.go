package result

// Search is the search for the highest rate at which a strategy meets a goal. The result's trials are then those of the highest rate that
// passes; where none does, those of the lowest rate that was tried.
type Search struct {
	Goal      string  `json:"goal"`            // a threshold, or sustained
	Lower     float64 `json:"lower"`           // operations per second: the highest rate that passes, below all that fail; 0: none
	Upper     float64 `json:"upper"`           // the lowest rate that fails; 0: none
	Precision float64 `json:"precision"`       // the ratio of both that was searched for
	End       string  `json:"end"`             // precision, undecided, lowest, highest, budget, interrupted or violation
	ElapsedNs int64   `json:"elapsed_ns"`      // of all its trials
	Ideal     float64 `json:"ideal,omitempty"` // operations per second: where a perfect store with one lock per session, and the measured holds, meets the goal at most; 0: not known
	Probes    []Probe `json:"probes"`
}

// Probe is a rate that was tried. One that is tried again, in longer trials, is a further probe.
type Probe struct {
	Rate    float64      `json:"rate"`
	Verdict string       `json:"verdict"` // passes, fails or undecided; empty: the search ended before
	Trials  []ProbeTrial `json:"trials"`
}

// ProbeTrial is a trial of a probe.
type ProbeTrial struct {
	Verdict   string  `json:"verdict"`
	Why       string  `json:"why,omitempty"` // it does not pass
	Order     int     `json:"order"`         // as in Trial
	Block     int     `json:"block"`
	WindowNs  int64   `json:"window_ns"`
	ElapsedNs int64   `json:"elapsed_ns"` // with the preparation, the drain and the audit
	P99       *int64  `json:"p99,omitempty"`
	StartP99  *int64  `json:"start_p99,omitempty"`
	Achieved  float64 `json:"achieved"`
	Growth    float64 `json:"growth"`
}
