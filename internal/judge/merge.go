package judge

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/sessbench/sessbench/reports/result"
)

// ErrDuplicatePart reports that the same part of a run was given twice.
var ErrDuplicatePart = errors.New("duplicate part")

// Merge makes one document of the parts of a distributed run: operations and errors are added,
// histograms are added bucket by bucket, and latencies are computed from the sums, so that a
// merged percentile is that of all operations, not a mean of percentiles. Rates are all
// operations divided by the longest window; a joined run opens the windows at the same time.
// The first participant's audit covers all.
//
// Documents of runs that were started separately with the same settings can be merged, too.
// Then users and sessions are added as well, and the rates hold if the machines ran at the same
// time, which is not checked.
//
// All parts must agree in settings, tapes and build; the error names what differs. The limit is
// omitted, because it is unknown how machines share it. Trials that one part lacks are dropped.
// A participant without a part is listed in Participants as lost.
//
// Errors name the file; a part that is given twice wraps [ErrDuplicatePart]. Merge keeps no
// document and changes none.
func Merge(sources []Source) (*result.Document, error) {
	if len(sources) == 0 {
		return nil, errors.New("nothing to merge")
	}
	parts := slices.Clone(sources)
	if err := checkParts(parts); err != nil {
		return nil, err
	}
	slices.SortStableFunc(parts, func(a, b Source) int { return cmp.Compare(indexOf(a), indexOf(b)) })
	rows, err := sharedResults(parts)
	if err != nil {
		return nil, err
	}
	if list := partDifferences(parts, rows); len(list) > 0 {
		return nil, fmt.Errorf("not parts of one run: %s", strings.Join(DescribeDifferences(list, parts[0].Label), "; "))
	}
	d := mergedHead(parts)
	for _, row := range rows {
		r, err := mergeResults(parts, d.Participants, row)
		if err != nil {
			return nil, err
		}
		if len(r.Trials) > 0 {
			d.Results = append(d.Results, r)
		}
	}
	if len(d.Results) == 0 {
		return nil, errors.New("no trial was completed by all parts")
	}
	Summarize(d)
	return d, nil
}

// indexOf orders parts by their numbers. Documents without a number keep their order.
func indexOf(s Source) int {
	if s.Document.Part == nil {
		return 0
	}
	return s.Document.Part.Index
}

// checkParts checks that the documents are different parts of one run.
func checkParts(parts []Source) error {
	ids, indexes := map[string]string{}, map[int]string{}
	for _, s := range parts {
		d := s.Document
		if n := len(d.Participants); n > 0 {
			return fmt.Errorf("%s: already merged from %s: want the participants' documents", s.File, result.FormatCounted(n, "participant"))
		}
		if err := sameRun(parts[0], s); err != nil {
			return err
		}
		if other, there := ids[d.ID]; there {
			return fmt.Errorf("%w: %s and %s are the same document, %s", ErrDuplicatePart, other, s.File, d.ID)
		}
		ids[d.ID] = s.File
		if d.Part == nil {
			continue
		}
		if other, there := indexes[d.Part.Index]; there {
			return fmt.Errorf("%w: %s and %s are both of %s", ErrDuplicatePart, other, s.File, PartName(d.Part))
		}
		indexes[d.Part.Index] = s.File
	}
	return nil
}

// sameRun checks that both documents are parts of the same run, or that both are separate runs.
func sameRun(first, s Source) error {
	a, b := first.Document.Part, s.Document.Part
	switch {
	case a == nil && b == nil:
		return nil
	case a == nil:
		return mixed(s, first)
	case b == nil:
		return mixed(first, s)
	case b.Count < 1 || b.Count > maxParts || b.Index < 0 || b.Index >= b.Count:
		return fmt.Errorf("%s: index %d of %d parts: want 1 to %d parts, and an index from 0 up to their number", s.File, b.Index, b.Count, maxParts)
	case a.RunID != b.RunID:
		return fmt.Errorf("not parts of one run: run id: %s in %s, %s in %s", a.RunID, first.Label, b.RunID, s.Label)
	case a.Count != b.Count:
		return fmt.Errorf("not parts of one run: parts: %d in %s, %d in %s", a.Count, first.Label, b.Count, s.Label)
	}
	return nil
}

// maxParts is the maximum number of parts of a run.
const maxParts = 10_000

func mixed(part, whole Source) error {
	p := part.Document.Part
	return fmt.Errorf("%s belongs to %s in run %s, %s is a separate run: want parts of one run, or separate runs",
		part.File, PartName(p), p.RunID, whole.File)
}

// PartName names the participant that wrote a part: participant 2 of 4.
func PartName(p *result.Part) string { return fmt.Sprintf("participant %d of %d", p.Index+1, p.Count) }

// mergedHead returns the merged document without its results.
func mergedHead(parts []Source) *result.Document {
	first := parts[0].Document
	d := &result.Document{
		SchemaVersion: result.SchemaVersion,
		Created:       first.Created,
		Tool:          first.Tool,
		Machine:       first.Machine,
		Config:        first.Config,
		Traffic:       first.Traffic,
	}
	var ids []string
	var harness, protocol []*result.Harness
	for i, s := range parts {
		one := s.Document
		ids, harness, protocol = append(ids, one.ID), append(harness, &one.Harness), append(protocol, one.Protocol)
		if one.Created.Before(d.Created) {
			d.Created = one.Created
		}
		if one.Config.Command != d.Config.Command {
			d.Config.Command = ""
		}
		d.Interrupted = d.Interrupted || one.Interrupted
		d.Machine = bothMachines(d.Machine, one.Machine)
		d.Participants = append(d.Participants, participantOf(s, i, len(parts)))
	}
	d.Participants = append(d.Participants, missing(parts)...)
	slices.SortStableFunc(d.Participants, func(a, b result.Participant) int { return cmp.Compare(a.Index, b.Index) })
	if h := result.MeanCost(harness); h != nil {
		d.Harness = *h
	}
	d.Protocol = result.MeanCost(protocol)
	// The same parts always give the same id, so that two merges are not taken for two runs.
	slices.Sort(ids)
	d.ID = uuid.NewSHA1(uuid.NameSpaceOID, []byte(strings.Join(ids, " "))).String()
	return d
}

// participantOf describes the participant that wrote a document: number index of count, unless
// the document holds its number.
func participantOf(s Source, index, of int) result.Participant {
	d, machine := s.Document, s.Document.Machine
	p := result.Participant{Name: s.Label, Index: index, Count: of, ID: d.ID, Machine: &machine}
	if d.Part != nil {
		p.Name, p.Index, p.Count = PartName(d.Part), d.Part.Index, d.Part.Count
		p.Host, p.SkewNs = d.Part.Host, d.Part.SkewNs
	}
	for i := range d.Results {
		p.Users = max(p.Users, UsersOf(d, &d.Results[i]))
	}
	return p
}

// UsersOf returns how many of a result's users a document covers: all, or a participant's
// share.
func UsersOf(d *result.Document, r *result.Result) int {
	if d.Part == nil {
		return r.Users
	}
	lo, hi := d.Part.Share(r.Users)
	return hi - lo
}

// missing lists the participants without a document.
func missing(parts []Source) (lost []result.Participant) {
	first := parts[0].Document.Part
	if first == nil {
		return nil
	}
	for i := range first.Count {
		if !slices.ContainsFunc(parts, func(s Source) bool { return s.Document.Part.Index == i }) {
			name := PartName(&result.Part{Index: i, Count: first.Count})
			lost = append(lost, result.Participant{Name: name, Index: i, Count: first.Count, Missing: true, Reason: "its document was not given"})
		}
	}
	return lost
}

// bothMachines returns what two machines have in common. Values that differ are zero; the
// participants hold them.
func bothMachines(a, b result.Machine) result.Machine {
	return result.Machine{
		CPU:        common(a.CPU, b.CPU),
		Cores:      common(a.Cores, b.Cores),
		GOMAXPROCS: common(a.GOMAXPROCS, b.GOMAXPROCS),
		CgroupCPUs: common(a.CgroupCPUs, b.CgroupCPUs),
		OS:         common(a.OS, b.OS),
		Kernel:     common(a.Kernel, b.Kernel),
		Go:         common(a.Go, b.Go),
		Load1:      max(a.Load1, b.Load1),
	}
}

func common[T comparable](a, b T) (none T) {
	if a == b {
		return a
	}
	return none
}

// sharedResults finds the results that all parts have, in the order of the first, one element
// per part. Only an interrupted run may lack some.
func sharedResults(parts []Source) (rows [][]*result.Result, err error) {
	columns := make([]map[identity]*result.Result, len(parts))
	var order []identity
	for i, s := range parts {
		list, err := distinct(s)
		if err != nil {
			return nil, err
		}
		columns[i] = map[identity]*result.Result{}
		for _, r := range list {
			id := identify(r)
			columns[i][id] = r
			if i == 0 {
				order = append(order, id)
			}
		}
	}
	interrupted := slices.ContainsFunc(parts, func(s Source) bool { return s.Document.Interrupted })
	for i, s := range parts {
		if len(columns[i]) != len(order) && !interrupted {
			return nil, fmt.Errorf("not parts of one run: results: %d in %s, %d in %s", len(order), parts[0].File, len(columns[i]), s.File)
		}
	}
	for _, id := range order {
		row := make([]*result.Result, len(parts))
		for i, s := range parts {
			row[i] = columns[i][id]
			if row[i] == nil && !interrupted {
				return nil, fmt.Errorf("not parts of one run: %s (%s) is in %s and not in %s", id.name, id.scenario, parts[0].File, s.File)
			}
		}
		if !slices.Contains(row, nil) {
			rows = append(rows, row)
		}
	}
	return rows, nil
}
