package judge

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"sync"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/sessbench/sessbench/internal/metric"
	"github.com/sessbench/sessbench/reports/result"
)

// mergeResults merges the results of one strategy, one per part.
func mergeResults(parts []Source, names []result.Participant, row []*result.Result) (result.Result, error) {
	r := *row[0]
	r.LimitOpsPerSec, r.Trials, r.Summary = 0, nil, result.Summary{}
	wait := weighted{}
	for i, one := range row {
		if i > 0 && parts[i].Document.Part == nil {
			r.Users += one.Users
			r.Sessions += one.Sessions
			r.Ideal = nil // which is that of one store
		}
		if one.WaitNs > 0 { // participants leave that to the first
			wait.add(float64(one.WaitNs), float64(one.Users))
		}
		r.Summary.HarnessBound = r.Summary.HarnessBound || one.Summary.HarnessBound
		r.Summary.SchedulerBound = r.Summary.SchedulerBound || one.Summary.SchedulerBound
	}
	for _, load := range []*string{&r.Load, &r.Ramp} {
		if *load != "" && parts[0].Document.Part == nil {
			*load = fmt.Sprintf("%d × %s", len(parts), *load)
		}
	}
	r.WaitNs = int64(wait.mean())
	blocks := blocksOf(row)
	trials := make([]result.Trial, len(blocks))
	err := forEach(len(blocks), func(i int) (err error) {
		m := merger{parts: parts, names: present(names), row: row, trials: blocks[i]}
		if trials[i], err = m.trial(); err != nil {
			return fmt.Errorf("%w (%s (%s), block %d)", err, r.Strategy, r.Scenario, trials[i].Block+1)
		}
		return nil
	})
	r.Trials = append(r.Trials, trials...) // nil where there are none
	return r, err
}

// forEach runs do(0), …, do(n-1) on all processors and returns the error of the first that
// failed.
func forEach(n int, do func(i int) error) error {
	errs := make([]error, n)
	var workers sync.WaitGroup
	free := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i := range n {
		free <- struct{}{}
		workers.Go(func() {
			errs[i] = do(i)
			<-free
		})
	}
	workers.Wait()
	return cmp.Or(errs...)
}

// present returns the participants that have documents, in the order of the documents.
func present(all []result.Participant) []result.Participant {
	return slices.DeleteFunc(slices.Clone(all), func(p result.Participant) bool { return p.Missing })
}

// blocksOf returns the trials of each block that every part has, one per part, in the order of
// the first part.
func blocksOf(row []*result.Result) (blocks [][]*result.Trial) {
	byBlock := make([]map[int]*result.Trial, len(row))
	for i, r := range row {
		byBlock[i] = make(map[int]*result.Trial, len(r.Trials))
		for j := range r.Trials {
			if t := &r.Trials[j]; byBlock[i][t.Block] == nil {
				byBlock[i][t.Block] = t
			}
		}
	}
	for i := range row[0].Trials {
		same := make([]*result.Trial, len(row))
		for k := range row {
			same[k] = byBlock[k][row[0].Trials[i].Block]
		}
		if !slices.Contains(same, nil) {
			blocks = append(blocks, same)
		}
	}
	return blocks
}

// merger merges the trials that the parts ran at the same time.
type merger struct {
	parts  []Source
	names  []result.Participant
	row    []*result.Result
	trials []*result.Trial
}

// trial merges the parts' values. A mean of a single part is weighted with the number of values
// that it averages.
func (m *merger) trial() (t result.Trial, err error) {
	first := m.trials[0]
	t = result.Trial{Order: first.Order, Block: first.Block, MutexWaitNs: new(int64), Totals: map[string]float64{}}
	var targets, updates, busiest, wait weighted
	for _, one := range m.trials {
		ops := float64(one.Ops)
		t.Ops += one.Ops
		t.Visits += one.Visits
		for name, x := range one.Totals {
			t.Totals[name] += x
		}
		t.Usage.TargetMemory += one.Usage.TargetMemory
		t.ElapsedNs = max(t.ElapsedNs, one.ElapsedNs)
		for kind, n := range one.Errors {
			if t.Errors == nil {
				t.Errors = map[string]int64{}
			}
			t.Errors[kind] += n
		}
		if t.MutexWaitNs != nil && one.MutexWaitNs != nil {
			*t.MutexWaitNs += *one.MutexWaitNs
		} else {
			t.MutexWaitNs = nil
		}
		targets.add(one.Usage.TargetCPUNs, ops)
		updates.add(one.Locks.UpdateFraction, ops)
		wait.add(float64(one.Locks.WaitNs), one.Locks.UpdateFraction*ops)
		busiest.add(one.Locks.BusiestFraction, ops)
	}
	metric.Merge(&t, m.row, m.trials)
	t.Usage.TargetCPUNs = targets.mean()
	t.Locks.WaitNs = int64(wait.mean())
	for _, d := range delays {
		var of weighted
		for _, one := range m.trials {
			mean, n := d.Mean(one)
			of.add(float64(*mean), n)
		}
		mean, _ := d.Mean(&t)
		*mean = int64(of.mean())
	}
	t.Locks.UpdateFraction = updates.mean()
	t.Locks.BusiestFraction = m.busiest(busiest)
	if t.ElapsedNs > 0 {
		t.OpsPerSec = float64(t.Ops) / (float64(t.ElapsedNs) / 1e9)
	}
	t.Fairness = m.fairness()
	t.Series = m.series()
	t.Audit = m.audit()
	if t.LatencyNs, t.Histogram, err = m.latency(); err != nil {
		return t, err
	}
	if t.OpenLoop, err = m.openLoop(&t); err != nil {
		return t, err
	}
	t.Operations, err = m.operations()
	return t, err
}

// busiest is the fraction of all operations that changed the most changed session. Participants
// share their sessions and tape, so it is the same session for all; of separate runs it is that
// of one run.
func (m *merger) busiest(shared weighted) float64 {
	if m.parts[0].Document.Part != nil {
		return shared.mean()
	}
	most := 0.0
	for _, t := range m.trials {
		most = max(most, t.Locks.BusiestFraction*float64(t.Ops))
	}
	return most / max(1, shared.weight)
}

// weighted is a weighted mean.
type weighted struct{ sum, weight float64 }

func (w *weighted) add(x, weight float64) { w.sum += x * weight; w.weight += weight }

func (w *weighted) mean() float64 {
	if w.weight == 0 {
		return 0
	}
	return w.sum / w.weight
}

// latency adds the trials' histograms.
func (m *merger) latency() (l result.Latency, text string, err error) {
	all := &distribution{}
	for i, t := range m.trials {
		if err := all.add(&t.LatencyNs, t.Histogram); err != nil {
			return l, "", fmt.Errorf("%s: %w", m.parts[i].File, err)
		}
	}
	return all.merged()
}

// addHistogram adds a document's histogram, which must hold count latencies.
func addHistogram(all *hdr.PackedHistogram, text string, count int64) error {
	h, err := result.DecodeHistogram(text)
	if err != nil {
		return err
	}
	if h.TotalCount() != count {
		return fmt.Errorf("histogram: holds %d latencies: want the %d that the trial counted", h.TotalCount(), count)
	}
	if dropped := all.Merge(h); dropped > 0 {
		return fmt.Errorf("histogram: %d latencies do not fit", dropped)
	}
	return nil
}

// operations merges the trials' values per operation.
func (m *merger) operations() (map[string]result.Operation, error) {
	merged := map[string]result.Operation{}
	for _, t := range m.trials {
		for name := range t.Operations {
			if _, done := merged[name]; done {
				continue
			}
			op, err := m.operation(name)
			if err != nil {
				return nil, err
			}
			merged[name] = op
		}
	}
	return merged, nil
}

// operation merges one operation; only operations with an answer have a latency. If a part has
// no histogram of it there are no percentiles, because percentiles cannot be added.
func (m *merger) operation(name string) (op result.Operation, err error) {
	all, services, mean, largest := &distribution{}, &distribution{}, weighted{}, int64(0)
	whole, answered := true, int64(0)
	for i, t := range m.trials {
		one, there := t.Operations[name]
		if !there {
			continue
		}
		op.Count += one.Count
		op.Errors += one.Errors
		if one.LatencyNs.Count == 0 { // none had an answer
			continue
		}
		answered += one.LatencyNs.Count
		mean.add(float64(one.LatencyNs.Mean), float64(one.LatencyNs.Count))
		largest = max(largest, one.LatencyNs.Max)
		if one.Histogram == "" {
			whole = false
		} else if err := all.add(&one.LatencyNs, one.Histogram); err != nil {
			return op, fmt.Errorf("%s: %s: %w", m.parts[i].File, name, err)
		}
		if one.ServiceNs == nil || one.Service == "" {
			continue
		}
		if err := services.add(one.ServiceNs, one.Service); err != nil {
			return op, fmt.Errorf("%s: service times of %s: %w", m.parts[i].File, name, err)
		}
	}
	if services.histogram != nil {
		l, text, err := services.merged()
		if err != nil {
			return op, err
		}
		op.ServiceNs, op.Service = &l, text
	}
	if !whole {
		op.LatencyNs = result.Latency{Max: largest, Mean: int64(mean.mean()), Count: answered}
		return op, nil
	}
	op.LatencyNs, op.Histogram, err = all.merged()
	return op, err
}

// fairness compares all users of all participants. For a part with index J, n users and Σx
// operations, the sum of squares is Σx² = (Σx)² / (n·J). See [result.Fairness].
func (m *merger) fairness() (f result.Fairness) {
	var users, sum, squares float64
	f.MinOps = m.trials[0].Fairness.MinOps
	for i, t := range m.trials {
		n, x := float64(UsersOf(m.parts[i].Document, m.row[i])), float64(t.Ops)
		if t.Fairness.MaxOps == 0 || t.Fairness.Jain <= 0 || n == 0 {
			return result.Fairness{} // not known
		}
		users += n
		sum += x
		squares += x * x / (n * t.Fairness.Jain)
		f.MinOps, f.MaxOps = min(f.MinOps, t.Fairness.MinOps), max(f.MaxOps, t.Fairness.MaxOps)
	}
	if squares == 0 {
		return result.Fairness{}
	}
	f.Jain = sum * sum / (users * squares)
	f.MinOverMax = float64(f.MinOps) / float64(f.MaxOps)
	return f
}

// audit is OK if the audit of every part is. The first participant audits for all; if it is
// lost, there is no audit. Violations name the participant that found them.
func (m *merger) audit() result.Audit {
	all := result.Audit{OK: true, Skipped: true}
	for i, t := range m.trials {
		a, whose := &t.Audit, m.names[i].Name+": "
		if m.parts[i].Document.Part != nil && m.names[i].Index == 0 {
			whose = "" // covers all participants
		}
		all.OK = all.OK && (a.OK || a.Skipped)
		all.Skipped = all.Skipped && a.Skipped
		all.Omitted += a.Omitted
		for _, v := range a.Violations {
			v.Detail = whose + v.Detail
			all.Violations = append(all.Violations, v)
		}
		if a.Partial != "" && !a.Skipped && all.Partial == "" { // skipped here: the first participant audits
			all.Partial = whose + a.Partial
		}
		if a.Recorded != nil {
			all.Recorded = bothRecorded(all.Recorded, a.Recorded, whose)
		}
	}
	if part := m.parts[0].Document.Part; part != nil && part.Index > 0 && all.OK {
		all.Partial = "not at all: " + PartName(&result.Part{Count: part.Count}) + ", which audits for all, is missing"
	}
	return all
}

func bothRecorded(sum, one *result.Recorded, whose string) *result.Recorded {
	if sum == nil {
		sum = &result.Recorded{}
	}
	sum.Sessions += one.Sessions
	sum.Operations += one.Operations
	sum.Certified += one.Certified
	sum.Undecided += one.Undecided
	if one.Unchecked != "" && sum.Unchecked == "" {
		sum.Unchecked = whose + one.Unchecked
	}
	return sum
}
