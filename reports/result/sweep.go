package result

import (
	"errors"
	"fmt"
)

// Sweep is a setting that was varied. Each of its points is a scenario of its own in the results, whose name ends with the point:
// chatbot/users=16.
type Sweep struct {
	Scenario  string       `json:"scenario"`       // without a point
	Over      string       `json:"over"`           // the setting, or the parameter of strategies: users
	Unit      string       `json:"unit,omitempty"` // of its values: ns or ops/s; empty: none
	Points    []SweepPoint `json:"points"`         // ascending
	Blocks    int          `json:"blocks"`         // that were to be measured: one trial of each strategy at each point
	BudgetNs  int64        `json:"budget_ns"`
	ElapsedNs int64        `json:"elapsed_ns"` // of all trials and passes
	WindowsNs []int64      `json:"windows_ns"` // of the trials of each block; 0: they end with the users' visits
	Ended     string       `json:"ended,omitempty"`

	Lines      []SweepLine      `json:"lines"`      // by strategy, in the order of the results
	Crossovers []SweepCrossover `json:"crossovers"` // ascending
	Leads      []SweepLead      `json:"leads"`
}

// SweepPoint is a value of the setting.
type SweepPoint struct {
	Text     string  `json:"text"` // as on the command line
	Value    float64 `json:"value"`
	Scenario string  `json:"scenario"`           // its name in the results
	Ideal    float64 `json:"ideal,omitempty"`    // operations per second of a perfect store with one lock per session, with the measured holds; 0: not known
	OneLock  float64 `json:"one_lock,omitempty"` // of one with one lock
}

// SweepLine is what follows from the points of a strategy.
type SweepLine struct {
	Strategy string    `json:"strategy"`
	Law      *SweepLaw `json:"law,omitempty"`     // nil: it does not predict
	NoLaw    string    `json:"no_law,omitempty"`  // why
	Knee     *Estimate `json:"knee,omitempty"`    // where more of the setting begins to yield less; nil: none was observed
	Limited  *Limited  `json:"limited,omitempty"` // what limits it; nil: nothing is significant
}

// SweepLaw is the Universal Scalability Law of a strategy: λN / (1 + σ(N−1) + κN(N−1)).
type SweepLaw struct {
	Lambda  Estimate  `json:"lambda"` // operations per second of one
	Sigma   Estimate  `json:"sigma"`  // contention
	Kappa   Estimate  `json:"kappa"`  // coherency
	Peak    *Estimate `json:"peak,omitempty"`
	Largest float64   `json:"largest"` // point
}

// Estimate is a value with its 95 % confidence interval.
type Estimate struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// SweepCrossover is where one strategy overtakes another.
type SweepCrossover struct {
	Faster string   `json:"faster"` // from At on
	Slower string   `json:"slower"`
	At     Estimate `json:"at"`
}

// SweepLead is from which point on a strategy is significantly faster than another one, at each further point.
type SweepLead struct {
	Faster string `json:"faster"`
	Slower string `json:"slower"`
	From   string `json:"from"`  // text of the first point
	At     string `json:"at"`    // text of the largest point that both have
	Ratio  Ratio  `json:"ratio"` // there
}

// Limited is what limits a strategy from a point on.
type Limited struct {
	By    string  `json:"by"`    // lock, session, gc, cpu or connection
	From  string  `json:"from"`  // text of the first point
	At    string  `json:"at"`    // text of the largest point
	Share float64 `json:"share"` // there: of the time, of the processors, or of the limit
	Low   float64 `json:"low"`   // end of its 95 % confidence interval
}

// Text returns the point with a text; nil: there is none.
func (s *Sweep) Text(text string) *SweepPoint {
	for i := range s.Points {
		if s.Points[i].Text == text {
			return &s.Points[i]
		}
	}
	return nil
}

// check returns an error for a document whose results are not those of its sweep.
func (s *Sweep) check(results []Result) error {
	if len(s.Points) == 0 {
		return errors.New("sweep: no points")
	}
	for i := range results {
		if s.At(results[i].Scenario) == nil {
			return fmt.Errorf("sweep: scenario %q is none of its points", results[i].Scenario)
		}
	}
	var texts []string
	for _, l := range s.Lines {
		if of := l.Limited; of != nil {
			texts = append(texts, of.From, of.At)
		}
	}
	for _, l := range s.Leads {
		texts = append(texts, l.From, l.At)
	}
	for _, text := range texts {
		if s.Text(text) == nil {
			return fmt.Errorf("sweep: %q is none of its points", text)
		}
	}
	return nil
}

// At returns the point with the name of a scenario; nil: there is none.
func (s *Sweep) At(scenario string) *SweepPoint {
	for i := range s.Points {
		if s.Points[i].Scenario == scenario {
			return &s.Points[i]
		}
	}
	return nil
}
