package judge

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sessbench/sessbench/internal/metric"
	"github.com/sessbench/sessbench/internal/setting"
	"github.com/sessbench/sessbench/internal/stats"
	"github.com/sessbench/sessbench/reports/result"
)

// TrendVersion is the schema version of the trend document, independent of the history's.
const TrendVersion = 1

// trendKind distinguishes the JSON of a trend from other JSON of sessbench.
const trendKind = "trend"

// Trend shows how the values of a history change over time. Times are in nanoseconds, sizes in
// bytes, shares are fractions of one.
type Trend struct {
	SchemaVersion int          `json:"schema_version"`
	Kind          string       `json:"kind"` // trend
	File          string       `json:"file"`
	Runs          int          `json:"runs"`   // number of runs in the history, including those in no series
	Method        string       `json:"method"` // of change point detection
	Groups        []TrendGroup `json:"groups"` // the group with the newest run first
}

// TrendGroup is one scenario on one machine with one set of settings. Values of different
// groups are not comparable.
type TrendGroup struct {
	Scenario   string            `json:"scenario"`
	Machine    string            `json:"machine"`    // short description
	Conditions map[string]string `json:"conditions"` // all common conditions including the machine; unset ones are omitted
	Series     []TrendSeries     `json:"series"`

	Heading string `json:"heading"` // the workload
	rows    []*trendRow
}

// TrendSeries is one metric of one strategy.
type TrendSeries struct {
	Strategy string            `json:"strategy"` // with its settings if it occurs with several
	Params   map[string]string `json:"params,omitempty"`
	Target   string            `json:"target,omitempty"`
	Metric   string            `json:"metric"`
	Unit     string            `json:"unit"`
	Better   string            `json:"better"`  // higher or lower
	Points   []TrendPoint      `json:"points"`  // one per run, by time; runs without the value are omitted
	Changes  []TrendChange     `json:"changes"` // advice, not a verdict
}

// TrendPoint is one run.
type TrendPoint struct {
	ID      string      `json:"id"`
	Created time.Time   `json:"created"`
	Label   string      `json:"label,omitempty"`
	Tool    result.Tool `json:"tool"`
	Value   float64     `json:"value"` // median over the run's trials
}

// TrendChange is a change point: the index from which the values have another distribution.
type TrendChange struct {
	At      int           `json:"at"`     // index of the first point after it
	Before  float64       `json:"before"` // medians of the points between neighbouring changes
	After   float64       `json:"after"`
	Delta   *float64      `json:"delta"` // After/Before − 1; null if Before is 0
	Verdict ChangeVerdict `json:"verdict"`
}

// TrendFilter selects part of a history. Empty lists select everything.
type TrendFilter struct {
	Strategies []setting.Selected // by name, with the given parameters or, if there are none, with any
	Scenarios  []string
	Metrics    []string
	Last       int // number of newest runs per series; 0: all
}

// UnknownNameError reports a name in a filter that does not occur in the history.
type UnknownNameError struct {
	What  string // strategy, scenario or metric
	Name  string
	Known []string
}

func (e *UnknownNameError) Error() string {
	return fmt.Sprintf("unknown %s %q: want some of %s", e.What, e.Name, strings.Join(e.Known, ", "))
}

// trendRow is one strategy of a group with its runs.
type trendRow struct {
	id      identity
	first   *HistoryResult
	points  []TrendPoint
	metrics []map[string]float64 // of each point
}

// NewTrend groups the runs of a history into series ordered by time. Runs on different
// machines, on different tapes or with different settings are never in one series. file is the
// name of the history.
//
// The error is a *HistoryError for a history without runs, an *UnknownNameError for an unknown
// name, and another error if no run matches the filter.
func NewTrend(h *History, file string, f TrendFilter) (*Trend, error) {
	if len(h.Entries) == 0 {
		return nil, &HistoryError{0, "empty: no runs"}
	}
	if err := f.check(h); err != nil {
		return nil, err
	}
	t := &Trend{SchemaVersion: TrendVersion, Kind: trendKind, File: file, Runs: len(h.Entries), Method: "E-divisive",
		Groups: []TrendGroup{}}
	for _, g := range groupsOf(h, f) {
		g.draw(f)
		if len(g.Series) > 0 {
			t.Groups = append(t.Groups, *g)
		}
	}
	if len(t.Groups) == 0 {
		return nil, errors.New("no run matches all of the filter")
	}
	return t, nil
}

// check returns an error for the first name that does not occur in the history.
func (f *TrendFilter) check(h *History) error {
	var strategies, scenarios []string
	var all []identity
	add := func(list *[]string, name string) {
		if !slices.Contains(*list, name) {
			*list = append(*list, name)
		}
	}
	for i := range h.Entries {
		for _, r := range h.Entries[i].Results {
			id := identify(r.result())
			all = append(all, id)
			add(&strategies, labelOf(id, true))
			add(&scenarios, r.Scenario)
		}
	}
	for _, s := range f.Strategies {
		if !slices.ContainsFunc(all, func(id identity) bool { return belongs(id, s) }) {
			return &UnknownNameError{"strategy", s.String(), strategies}
		}
	}
	for _, s := range f.Scenarios {
		if !slices.Contains(scenarios, s) {
			return &UnknownNameError{"scenario", s, scenarios}
		}
	}
	for _, m := range f.Metrics {
		if !slices.Contains(metric.Names(metric.Compared()), m) {
			return &UnknownNameError{"metric", m, metric.Names(metric.Compared())}
		}
	}
	return nil
}

// belongs reports whether a result is of the strategy.
func belongs(id identity, s setting.Selected) bool {
	if s.Name != id.name {
		return false
	}
	has := strings.Split(id.params, ";")
	for name, value := range s.Params {
		if !slices.Contains(has, name+"="+value) {
			return false
		}
	}
	return true
}

// selects reports whether the filter selects a result.
func (f *TrendFilter) selects(id identity) bool {
	return (len(f.Scenarios) == 0 || slices.Contains(f.Scenarios, id.scenario)) &&
		(len(f.Strategies) == 0 || slices.ContainsFunc(f.Strategies, func(s setting.Selected) bool { return belongs(id, s) }))
}

// groupsOf sorts the results into groups of comparable ones; the group with the newest run is
// first.
func groupsOf(h *History, f TrendFilter) []*TrendGroup {
	entries := make([]*HistoryEntry, len(h.Entries))
	for i := range h.Entries {
		entries[i] = &h.Entries[i]
	}
	slices.SortStableFunc(entries, func(a, b *HistoryEntry) int { return a.Created.Compare(b.Created) })
	var groups []*TrendGroup
	byKey := map[string]*TrendGroup{}
	for _, e := range entries {
		d := e.document()
		for i := range e.Results {
			r := &e.Results[i]
			if id := identify(r.result()); f.selects(id) {
				conditions := only(settings(d, r.result()), ofLoad, ofScenario, ofRun, ofMachine)
				key := strconv.Quote(r.Scenario)
				for _, c := range conditions {
					key += strconv.Quote(c.value)
				}
				g := byKey[key]
				if g == nil {
					g = newTrendGroup(d, r, conditions)
					byKey[key] = g
					groups = append(groups, g)
				}
				g.row(id, r).add(e, r)
			}
		}
	}
	slices.SortStableFunc(groups, func(a, b *TrendGroup) int { return b.newest().Compare(a.newest()) })
	return groups
}

func newTrendGroup(d *result.Document, r *HistoryResult, all []property) *TrendGroup {
	g := &TrendGroup{
		Scenario:   r.Scenario,
		Machine:    cmp.Or(describeMachine(&d.Machine), "unknown machine"),
		Conditions: map[string]string{},
	}
	var parts []string
	for _, c := range all {
		if c.value == "" {
			continue
		}
		g.Conditions[c.name] = c.value
		if c.name == "tape" || c.name == "recorded traffic" {
			c.value = ShortHash(c.value)
		}
		if c.of != ofMachine {
			parts = append(parts, c.name+" "+c.value)
		}
	}
	g.Heading = r.Scenario + ": " + strings.Join(parts, ", ")
	return g
}

// newest returns the time of the group's newest run.
func (g *TrendGroup) newest() (at time.Time) {
	for _, r := range g.rows {
		if last := r.points[len(r.points)-1].Created; last.After(at) {
			at = last
		}
	}
	return at
}

// row returns the strategy's row.
func (g *TrendGroup) row(id identity, r *HistoryResult) *trendRow {
	for _, row := range g.rows {
		if row.id == id {
			return row
		}
	}
	row := &trendRow{id: id, first: r}
	g.rows = append(g.rows, row)
	return row
}

func (row *trendRow) add(e *HistoryEntry, r *HistoryResult) {
	row.points = append(row.points, TrendPoint{ID: e.ID, Created: e.Created, Label: e.Label, Tool: e.Tool})
	row.metrics = append(row.metrics, r.Metrics)
}

// draw makes the series of the group's rows.
func (g *TrendGroup) draw(f TrendFilter) {
	settings := map[identity]int{} // with which a strategy occurs
	for _, row := range g.rows {
		settings[row.id.kind()]++
	}
	for _, row := range g.rows {
		label := row.first.Strategy
		if row.first.Target == "" {
			label = labelOf(row.id, settings[row.id.kind()] > 1)
		}
		for _, m := range metric.Compared() {
			if len(f.Metrics) > 0 && !slices.Contains(f.Metrics, m.Name) {
				continue
			}
			if points := row.of(m, f.Last); len(points) > 0 {
				xs := trendValues(points)
				g.Series = append(g.Series, TrendSeries{Strategy: label, Params: row.first.Params, Target: row.first.Target,
					Metric: m.Name, Unit: m.Unit, Better: m.Better(), Points: points, Changes: stretches(m, xs, stats.ChangePoints(xs))})
			}
		}
	}
}

// of returns the last points that have the metric, or all if last is 0.
func (row *trendRow) of(m *metric.Metric, last int) (points []TrendPoint) {
	for i, p := range row.points {
		if x, ok := row.metrics[i][m.Name]; ok {
			p.Value = x
			points = append(points, p)
		}
	}
	if last > 0 && len(points) > last {
		points = points[len(points)-last:]
	}
	return points
}

// stretches compares the medians of consecutive stretches of a series. starts are the indices
// at which a new stretch begins.
func stretches(m *metric.Metric, xs []float64, starts []int) []TrendChange {
	list := []TrendChange{}
	for i, at := range starts {
		from, to := 0, len(xs)
		if i > 0 {
			from = starts[i-1]
		}
		if i+1 < len(starts) {
			to = starts[i+1]
		}
		c := TrendChange{At: at, Before: stats.Median(xs[from:at]).Median, After: stats.Median(xs[at:to]).Median}
		c.Delta, c.Verdict = RelativeChange(c.Before, c.After), direction(m, c.Before, c.After)
		list = append(list, c)
	}
	return list
}

func trendValues(points []TrendPoint) []float64 {
	xs := make([]float64, len(points))
	for i, p := range points {
		xs[i] = p.Value
	}
	return xs
}

// RelativeChange returns to/from − 1, or nil if from is 0 or the quotient overflows.
func RelativeChange(from, to float64) *float64 {
	if delta := to/from - 1; from != 0 && !math.IsInf(delta, 0) {
		return &delta
	}
	return nil
}

// direction classifies a change that is known to be real.
func direction(m *metric.Metric, from, to float64) ChangeVerdict {
	switch {
	case from == to || max(from, to)-min(from, to) < m.Least:
		return Negligible
	case to > from == m.HigherIsBetter:
		return Better
	}
	return Worse
}
