package live

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/sessbench/sessbench/internal/runner"
	"github.com/sessbench/sessbench/reports/result"
)

// state is what the page shows. Each event holds all of it.
type state struct {
	Status   string `json:"status"` // in words, for a live region: it changes with each block only
	Scenario string `json:"scenario"`
	Doing    string `json:"doing"` // what runs now
	Done     int    `json:"done"`  // trials, or seconds of a search
	All      int    `json:"all"`
	Progress string `json:"progress"` // both in words
	Open     bool   `json:"open"`     // visits arrive at a given rate
	Rows     []*row `json:"rows"`     // a strategy each
	Ended    bool   `json:"ended"`    // the report is in place of the page
	Over     bool   `json:"over"`     // no event follows

	strategies []string // of a run
	search     bool     // for the highest rates
}

// row is a strategy in the scenario that is measured: the last second of its running trial, or its last trial as a whole.
type row struct {
	Strategy  string   `json:"strategy"`
	Running   bool     `json:"running"`
	Failed    bool     `json:"failed"`
	OpsPerSec float64  `json:"ops_per_sec"`
	Offered   float64  `json:"offered,omitempty"`
	Achieved  float64  `json:"achieved,omitempty"` // of the last trial that has ended
	P99       *int64   `json:"p99_ns,omitempty"`
	Queue     int64    `json:"queue"`
	Errors    int64    `json:"errors"`
	Cells     []string `json:"cells"` // in words, under the titles
	Spark     string   `json:"spark"` // points of a line in a rectangle of sparkWidth and sparkHeight

	recent Recent
}

// columns are the columns of the page but for the last one, which is the line.
var columns = [...]struct {
	title string
	open  bool // only where visits arrive at a given rate
	text  func(r *row) string
}{
	{"strategy", false, func(r *row) string { return r.Strategy }},
	{"ops/s", false, func(r *row) string {
		if r.Failed {
			return "✗"
		}
		return result.FormatRate(r.OpsPerSec)
	}},
	{"offered", true, func(r *row) string { return orDash(r.Offered > 0, result.FormatRate(r.Offered)) }},
	{"achieved", true, func(r *row) string { return orDash(r.Achieved > 0, result.FormatShare(r.Achieved)) }},
	{"p99", false, func(r *row) string {
		if r.P99 == nil {
			return result.Nothing
		}
		return result.FormatNs(*r.P99)
	}},
	{"queue", true, func(r *row) string { return result.FormatCount(r.Queue) }},
	{"errors", false, func(r *row) string { return result.FormatCount(r.Errors) }},
}

func orDash(known bool, text string) string {
	if !known {
		return result.Nothing
	}
	return text
}

const (
	sparkSeconds             = 60
	sparkWidth, sparkHeight  = 120, 24
	sparkTop, sparkBottom    = 1.5, 22.5 // of the line
	statusWaiting            = "Preparing"
	statusEnded, statusGone  = "The run has ended. This is its report.", "The run has ended without a report."
	statusSearch, statusDone = "Searching for the highest rates", "The trials have ended"
)

// newState returns the state before the first step of a run.
func newState() *state { return &state{Status: statusWaiting} }

// step shows a step of the run.
func (s *state) step(at runner.Step) {
	s.enter(at.Scenario)
	s.Done, s.All = at.Done, at.Trials
	s.Progress = fmt.Sprintf("%d of %d trials", at.Done, at.Trials)
	if s.search {
		s.Progress = fmt.Sprintf("%d of %d s of the budget", at.Done, at.Trials)
	}
	switch prep := at.Preparing; {
	case prep.Sessions > 0:
		s.Doing = fmt.Sprintf("preparing %s of %s for %s", result.FormatCount(int64(prep.Made)), result.FormatCounted(prep.Sessions, "session"), at.Label)
	case at.Found != "":
		s.Doing = at.Found
	case at.Label != "":
		s.Doing = "measuring " + at.Label
	default:
		s.Doing = ""
	}
	switch {
	case s.search:
		s.Status = statusSearch
	case at.Block < at.Blocks:
		s.Status = fmt.Sprintf("Block %d of %d", at.Block+1, at.Blocks)
	default:
		s.Status = statusDone
	}
}

// enter goes on to a scenario: the rows are its own.
func (s *state) enter(scenario string) {
	if scenario == "" || scenario == s.Scenario {
		return
	}
	s.Scenario, s.Open, s.Rows = scenario, false, nil
	for _, name := range s.strategies {
		s.row(name)
	}
}

// row returns the row of a strategy.
func (s *state) row(strategy string) *row {
	for _, r := range s.Rows {
		if r.Strategy == strategy {
			return r
		}
	}
	r := &row{Strategy: strategy, Cells: make([]string, len(columns))}
	for i := range r.Cells {
		r.Cells[i] = result.Nothing
	}
	r.Cells[0] = strategy
	s.Rows = append(s.Rows, r)
	return r
}

// snapshot shows a snapshot.
func (s *state) snapshot(shot runner.Snapshot) {
	s.enter(shot.Scenario)
	s.Open = s.Open || shot.Offered > 0
	for _, r := range s.Rows {
		r.Running = false
	}
	s.row(shot.Label).add(shot)
}

// add adds a snapshot.
func (r *row) add(s runner.Snapshot) {
	r.Running, r.Failed = !s.Final, s.Failed
	r.OpsPerSec, r.Offered, r.P99, r.Queue, r.Errors = s.OpsPerSec, s.Offered, s.P99, s.Queue, s.Errors
	if s.Final && s.Offered > 0 {
		r.Achieved = s.OpsPerSec / s.Offered
	}
	r.recent.Add(s, sparkSeconds)
	r.Spark = spark(r.recent.Speeds)
	for i, c := range columns {
		r.Cells[i] = c.text(r)
	}
}

// spark returns the points of a line from 0 to the largest of the values.
func spark(values []float64) string {
	most := 0.
	for _, x := range values {
		most = max(most, x)
	}
	if len(values) == 1 {
		values = []float64{values[0], values[0]}
	}
	var b strings.Builder
	for i, x := range values {
		y := sparkBottom
		if most > 0 {
			y -= x / most * (sparkBottom - sparkTop)
		}
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(short(float64(i) * sparkWidth / float64(len(values)-1)))
		b.WriteByte(',')
		b.WriteString(short(y))
	}
	return b.String()
}

// short is a coordinate to a tenth.
func short(x float64) string { return strconv.FormatFloat(x, 'f', 1, 64) }
