package judge

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/sessbench/sessbench/internal/scaling"
	"github.com/sessbench/sessbench/internal/stats"
	"github.com/sessbench/sessbench/reports/result"
)

// SummarizeSweep sets what follows from the points of a sweep, whose results are summarized: the law, the knee and the limit of each
// strategy, and where one overtakes another. Without a sweep it does nothing.
func SummarizeSweep(d *result.Document) {
	if d.Sweep == nil {
		return
	}
	s := d.Sweep
	s.Lines, s.Crossovers, s.Leads = []result.SweepLine{}, []result.SweepCrossover{}, []result.SweepLead{}
	names := SweepStrategies(d)
	points := map[string][]scaling.Point{}
	for _, name := range names {
		points[name] = sweepPoints(d, name)
		s.Lines = append(s.Lines, sweepLine(d, name, points[name]))
	}
	for i, a := range names {
		for _, b := range names[i+1:] {
			if sweepFailed(d, a) || sweepFailed(d, b) || !sixBlocks(points[a]) || !sixBlocks(points[b]) {
				continue
			}
			if i == 0 || len(names) <= fewStrategies {
				if lead := sweepLead(d, a, b); lead != nil {
					s.Leads = append(s.Leads, *lead)
				}
			}
			for _, c := range scaling.Crossovers(points[a], points[b]) {
				faster, slower := a, b
				if c.Faster == 1 {
					faster, slower = b, a
				}
				s.Crossovers = append(s.Crossovers, result.SweepCrossover{Faster: faster, Slower: slower, At: result.Estimate(c.At)})
			}
		}
	}
	slices.SortStableFunc(s.Crossovers, func(a, b result.SweepCrossover) int {
		return int(math.Copysign(1, a.At.Value-b.At.Value))
	})
}

// fewStrategies is the number of strategies up to which all pairs are compared: of more, each with the first, which is the baseline if
// there is one.
const fewStrategies = 4

// sweepLead returns from which point on one of two strategies is faster than the other at each further point at which both can be trusted.
func sweepLead(d *result.Document, a, b string) *result.SweepLead {
	var lead *result.SweepLead
	for _, p := range slices.Backward(d.Sweep.Points) {
		x, y := SweepRow(d, p.Scenario, a), SweepRow(d, p.Scenario, b)
		if !trusted(x) || !trusted(y) {
			continue
		}
		if lead != nil && lead.Faster == b {
			x, y = y, x
		}
		of := Versus(x, y)
		switch {
		case lead == nil && of.SameAsOne():
			return nil
		case lead == nil && of.Hi < 1:
			lead = &result.SweepLead{Faster: b, Slower: a, At: p.Text, Ratio: result.Ratio(Versus(y, x))}
		case lead == nil:
			lead = &result.SweepLead{Faster: a, Slower: b, At: p.Text, Ratio: result.Ratio(of)}
		case of.SameAsOne() || of.Lo < 1:
			return lead
		}
		lead.From = p.Text
	}
	return lead
}

// SweepStrategies returns the strategies of a sweep, in the order of its results.
func SweepStrategies(d *result.Document) (names []string) {
	for i := range d.Results {
		if name := d.Results[i].Strategy; !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// SweepRow returns the result of a strategy at a point; nil: there is none.
func SweepRow(d *result.Document, scenario, strategy string) *result.Result {
	for i := range d.Results {
		if r := &d.Results[i]; r.Scenario == scenario && r.Strategy == strategy {
			return r
		}
	}
	return nil
}

// Mistrusted returns why a result is no part of the line of its strategy, or "".
func Mistrusted(r *result.Result) string {
	switch {
	case r == nil || len(r.Trials) == 0:
		return "not measured"
	case NoSpeed(r) != "":
		return NoSpeed(r)
	case !r.Audited():
		return "not audited"
	case r.Summary.OpsPerSec.Median <= 0:
		return "no operation was completed"
	}
	return cmp.Or(r.Note, WhyUnranked(r))
}

func trusted(r *result.Result) bool { return Mistrusted(r) == "" }

// sweepFailed reports whether a strategy failed an audit at any point.
func sweepFailed(d *result.Document, strategy string) bool {
	return slices.ContainsFunc(d.Results, func(r result.Result) bool { return r.Strategy == strategy && r.Failed() })
}

// sweepPoints returns the throughputs of a strategy at the points where they can be trusted and the value is
// above 0. Each point has the blocks that all of them have.
func sweepPoints(d *result.Document, strategy string) (list []scaling.Point) {
	var rows []*result.Result
	blocks := map[int]int{}
	for _, p := range d.Sweep.Points {
		r := SweepRow(d, p.Scenario, strategy)
		if p.Value <= 0 || !trusted(r) {
			continue
		}
		rows = append(rows, r)
		for block := range Throughputs(r) {
			blocks[block]++
		}
	}
	for _, r := range rows {
		p := scaling.Point{X: d.Sweep.At(r.Scenario).Value}
		of := Throughputs(r)
		for block := range d.Sweep.Blocks {
			if blocks[block] == len(rows) {
				p.Trials = append(p.Trials, of[block])
			}
		}
		list = append(list, p)
	}
	return list
}

// sixBlocks reports whether points, which have the same blocks, have enough of them for intervals.
func sixBlocks(points []scaling.Point) bool {
	return len(points) > 0 && len(points[0].Trials) >= stats.MinSamples
}

// sweepLine is what follows from the points of one strategy.
func sweepLine(d *result.Document, strategy string, points []scaling.Point) result.SweepLine {
	line := result.SweepLine{Strategy: strategy}
	if !sixBlocks(points) || sweepFailed(d, strategy) {
		return line
	}
	if knee := scaling.Knee(points); knee != nil {
		of := result.Estimate(*knee)
		line.Knee = &of
	}
	if lawful(d.Sweep) {
		law, err := scaling.Fit(points)
		if err != nil {
			line.NoLaw = err.Error()
		} else {
			line.Law = &result.SweepLaw{
				Lambda: result.Estimate(law.Lambda), Sigma: result.Estimate(law.Sigma), Kappa: result.Estimate(law.Kappa), Largest: law.Largest,
			}
			if law.Peak != nil {
				of := result.Estimate(*law.Peak)
				line.Law.Peak = &of
			}
		}
	}
	line.Limited = limited(d, strategy)
	return line
}

// lawful reports whether a sweep is over what the law is about: a number of users or of processors.
func lawful(s *result.Sweep) bool { return s.Over == "users" || s.Over == "gomaxprocs" }

// SweepLaw returns the law of a line, to compute its curve; nil: it has none.
func SweepLaw(line *result.SweepLine) *scaling.Law {
	of := line.Law
	if of == nil {
		return nil
	}
	return &scaling.Law{
		Lambda: scaling.Estimate(of.Lambda), Sigma: scaling.Estimate(of.Sigma), Kappa: scaling.Estimate(of.Kappa), Largest: of.Largest,
	}
}

// What limits a strategy.
const (
	ByLock    = "lock"
	BySession = "session"
	ByGC      = "gc"
	ByCPU     = "cpu"
)

// The shares from which something limits.
const (
	limitShare = 0.5  // of the time of an update: the wait for its lock
	fullShare  = 0.85 // of the processors, or of the window in which the busiest session is held
	pauseShare = 0.1  // of the window: pauses of the garbage collector
)

// limitCause is something that limits a strategy at a point.
type limitCause struct {
	by   string
	of   func(d *result.Document, r *result.Result, t *result.Trial) float64 // share in a trial
	from float64                                                             // share from which it limits
}

// limitCauses are in the order in which they explain: garbage collection and the busiest session before what follows from them.
var limitCauses = []limitCause{
	{ByGC, func(_ *result.Document, _ *result.Result, t *result.Trial) float64 {
		return t.Totals["gc_pause_ns"] / math.Max(1, float64(t.ElapsedNs))
	}, pauseShare},
	{BySession, busiestShare, fullShare},
	{ByCPU, cpuShare, fullShare},
	{ByLock, lockShare, limitShare},
}

// busiestShare is how much of the window the busiest session would be held if each hold took the median: 1 is all of it. The mean is longer
// where holders lose their processors, which is not due to the session.
func busiestShare(_ *result.Document, _ *result.Result, t *result.Trial) float64 {
	share := t.Locks.BusiestHeld / 1e9 * t.OpsPerSec
	if l := t.Locks.HoldTimes; l != nil && l.P50 != nil && t.Locks.HoldNs > 0 {
		share *= min(1, float64(*l.P50)/float64(t.Locks.HoldNs))
	}
	return share
}

// cpuShare is the share of the processors that the trial used.
func cpuShare(d *result.Document, r *result.Result, t *result.Trial) float64 {
	c := float64(min(d.Machine.GOMAXPROCS, d.Machine.Cores))
	if d.Sweep != nil && d.Sweep.Over == "gomaxprocs" {
		c = min(d.Sweep.At(r.Scenario).Value, float64(d.Machine.Cores))
	}
	if q := d.Machine.CgroupCPUs; q > 0 {
		c = min(c, q)
	}
	if c <= 0 {
		return 0
	}
	return t.OpsPerSec * (t.Usage.CPUNsPerOp + t.Usage.WaitCPUNsPerOp) / 1e9 / c
}

// lockShare is the share of the time of an update that is the wait for its lock. Without work under the lock, the wait is from a pass of its
// own.
func lockShare(_ *result.Document, r *result.Result, t *result.Trial) float64 {
	if t.Locks.HoldNs > 0 {
		return float64(t.Locks.WaitNs) / float64(t.Locks.WaitNs+t.Locks.HoldNs)
	}
	return min(1, float64(r.WaitNs)/max(1, float64(t.LatencyNs.Mean)))
}

// limited returns what limits a strategy at the largest point, if all of that point's interval is above the share from which it does, and
// since which point that is so.
func limited(d *result.Document, strategy string) *result.Limited {
	var rows []*result.Result
	for _, p := range d.Sweep.Points {
		if r := SweepRow(d, p.Scenario, strategy); trusted(r) {
			rows = append(rows, r)
		}
	}
	if len(rows) == 0 {
		return nil
	}
	for _, c := range limitCauses {
		var found *result.Limited
		for _, r := range slices.Backward(rows) {
			var shares []float64
			for i := range r.Trials {
				shares = append(shares, c.of(d, r, &r.Trials[i]))
			}
			m := stats.Median(shares)
			if m.Lo < c.from {
				break
			}
			if found == nil {
				found = &result.Limited{By: c.by, At: d.Sweep.At(r.Scenario).Text, Share: m.Median, Low: m.Lo}
			}
			found.From = d.Sweep.At(r.Scenario).Text
		}
		if found != nil {
			return found
		}
	}
	return nil
}

// SweepDifferences lists what must be equal in a sweep and in the one that goes on with it, and is not.
func SweepDifferences(old, now Source) []string {
	var list differenceList
	at := Difference{Document: now.Label}
	list.add(at, settings(old.Document, nil), settings(now.Document, nil), ofMachine, ofParts, ofRun, ofDrawing, ofSweep)
	for i := range old.Document.Results {
		r := &old.Document.Results[i]
		other := SweepRow(now.Document, r.Scenario, r.Strategy)
		if other == nil {
			continue // a difference of the settings
		}
		at := Difference{Document: now.Label, Scenario: r.Scenario}
		list.add(at, settings(old.Document, r), settings(now.Document, other), ofLoad, ofScenario)
		at.Strategy = r.Strategy
		list.add(at, settings(old.Document, r), settings(now.Document, other), ofResult, ofPartRow)
	}
	return DescribeDifferences(list, old.Label)
}

// SweepHeading describes the workload of a sweep.
func SweepHeading(d *result.Document) string {
	s, r := d.Sweep, &d.Results[0]
	first, last := s.Points[0], s.Points[len(s.Points)-1]
	parts := []string{fmt.Sprintf("%d values from %s to %s", len(s.Points), first.Text, last.Text)}
	add := func(of, text string) {
		if s.Over != of {
			parts = append(parts, text)
		}
	}
	if r.Load != "" {
		add("rate", r.Load)
	} else {
		add("users", result.FormatCounted(r.Users, "user"))
	}
	if first, last := d.Results[0].Sessions, d.Results[len(d.Results)-1].Sessions; first == last {
		add("sessions", result.FormatCounted(first, "session"))
	} else if s.Over != "sessions" {
		parts = append(parts, fmt.Sprintf("%s to %s", result.FormatCount(int64(first)), result.FormatCounted(last, "session")))
	}
	for _, d := range delays {
		add(d.Name, d.describe(r))
	}
	return fmt.Sprintf("%s over %s: %s", s.Scenario, s.Over, strings.Join(append(parts, sweepTrials(d)), ", "))
}

// sweepTrials describes the number and the length of the trials of each strategy at each point.
func sweepTrials(d *result.Document) string {
	least, most := math.MaxInt, 0
	for i := range d.Results {
		n := len(d.Results[i].Trials)
		least, most = min(least, n), max(most, n)
	}
	text := result.FormatCounted(most, "trial")
	switch {
	case least < most:
		text = fmt.Sprintf("%d to %s", least, text)
	case most < d.Sweep.Blocks:
		text = fmt.Sprintf("%d of %s", most, result.FormatCounted(d.Sweep.Blocks, "trial"))
	}
	if of := d.Sweep.WindowsNs; len(of) > 0 && slices.Min(of) > 0 {
		low, high := formatDuration(slices.Min(of)), formatDuration(slices.Max(of))
		if text += " of " + low; low != high {
			text += " to " + high
		}
	}
	return text
}

// sameSweep returns an error for documents of which some are sweeps, unless all are over the same setting.
func sameSweep(sources []Source) error {
	first := sources[0].Document.Sweep
	for _, other := range sources[1:] {
		of := other.Document.Sweep
		switch {
		case first == nil && of != nil:
			return fmt.Errorf("%s is a sweep over %s, and %s is none", other.File, of.Over, sources[0].File)
		case first != nil && of == nil:
			return fmt.Errorf("%s is a sweep over %s, and %s is none", sources[0].File, first.Over, other.File)
		case first != nil && first.Over != of.Over:
			return fmt.Errorf("%s is a sweep over %s, and %s is one over %s", sources[0].File, first.Over, other.File, of.Over)
		}
	}
	return nil
}

// nameSweptRows gives the rows of a sweep the names of their points, and makes them rows of one scenario: by strategy, and by point.
func nameSweptRows(first *result.Document, rows []alignedRow) {
	s := first.Sweep
	if s == nil {
		return
	}
	names := SweepStrategies(first)
	slices.SortStableFunc(rows, func(a, b alignedRow) int {
		return slices.Index(names, a.results[0].Strategy) - slices.Index(names, b.results[0].Strategy)
	})
	for i := range rows {
		rows[i].label += fmt.Sprintf(", %s=%s", s.Over, s.At(rows[i].scenario).Text)
		rows[i].scenario = s.Scenario
	}
}
