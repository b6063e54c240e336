package judge

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sessbench/sessbench/reports/result"
)

// Heading describes the workload of results of one scenario: everything that must be equal for
// two tables to be comparable.
func Heading(d *result.Document, results []*result.Result) string {
	r := results[0]
	users, whose := result.FormatCount(int64(r.Users))+" users", ""
	if r.Load != "" {
		users = "up to " + users
		for _, of := range results {
			if of.Users != r.Users {
				users += fmt.Sprintf(" (%s of %s)", result.FormatCount(int64(of.Users)), of.Strategy)
				break
			}
		}
	}
	if p := d.Part; p != nil {
		users = result.FormatCount(int64(UsersOf(d, r))) + " of " + users
		whose = ", " + PartName(p)
	}
	parts := []string{users}
	if r.Ramp != "" {
		parts = []string{r.Ramp, "up to " + users}
	}
	if r.Load != "" {
		parts = []string{loadOf(r), users}
	}
	parts = append(parts, result.FormatCount(int64(r.Sessions))+" sessions")
	if t := d.Traffic; t != nil {
		parts = append(parts, result.FormatCount(t.Visits)+" visits")
	}
	for _, d := range delays {
		parts = append(parts, d.describe(r))
	}
	if r.Search == nil {
		parts = append(parts, trialsOf(d, results))
	}
	if r.TapeHash != "" {
		parts = append(parts, "tape "+ShortHash(r.TapeHash))
	}
	return r.Scenario + whose + ": " + strings.Join(parts, ", ")
}

// loadOf returns the load of a result, or what was searched for: the highest rate, p99<5ms, arrivals constant.
func loadOf(r *result.Result) string {
	if r.Search == nil {
		return r.Load
	}
	return "the highest rate, " + r.Search.Goal + ", arrivals " + r.Load[strings.LastIndexByte(r.Load, ' ')+1:]
}

// trialsOf describes the number and length of the trials: a window, or visits per user.
func trialsOf(d *result.Document, results []*result.Result) string {
	r, runs := results[0], d.Config.Runs
	most := 0
	for _, r := range results {
		most = max(most, len(r.Trials))
	}
	text := fmt.Sprintf("%d trials", most)
	switch {
	case most < runs:
		text = fmt.Sprintf("%d of %d trials", most, runs)
	case most == 1:
		text = "1 trial"
	}
	var each []string
	switch {
	case r.Iterations == 1:
		each = append(each, "1 visit per user")
	case r.Iterations > 1:
		each = append(each, result.FormatCount(int64(r.Iterations))+" visits per user")
	}
	if r.WindowNs > 0 {
		each = append(each, time.Duration(r.WindowNs).String())
	}
	if len(each) == 0 {
		return text
	}
	return text + " of " + strings.Join(each, " within ")
}

// ShortHash shortens a hash to what people compare by eye.
func ShortHash(hash string) string {
	if i := strings.IndexByte(hash, ':'); i >= 0 { // the algorithm's name
		hash = hash[i+1:]
	}
	return hash[:min(len(hash), 8)]
}

// MachineLine describes the machine and its load, or is "" if nothing is known about it.
func MachineLine(m *result.Machine) string {
	known := describeMachine(m)
	if known == "" {
		return ""
	}
	return fmt.Sprintf("machine: %s, load %s before the start", known, result.FormatAmount(m.Load1))
}

func describeMachine(m *result.Machine) string {
	var parts []string
	add := func(known bool, format string, args ...any) {
		if known {
			parts = append(parts, fmt.Sprintf(format, args...))
		}
	}
	add(m.CPU != "", "%s", m.CPU)
	add(m.Cores > 0, "%d cores", m.Cores)
	add(m.GOMAXPROCS > 0, "GOMAXPROCS %d", m.GOMAXPROCS)
	add(m.CgroupCPUs > 0, "quota of %s CPUs", result.FormatAmount(m.CgroupCPUs))
	add(m.OS != "", "%s", strings.TrimSpace(m.OS+" "+m.Kernel))
	add(m.Go != "", "%s", m.Go)
	return strings.Join(parts, ", ")
}

// ViolationKinds returns the kinds of a result's violations, each once, in the order of their
// first occurrence.
func ViolationKinds(r *result.Result) []string {
	var kinds []string
	for _, t := range r.Trials {
		if !t.Failed() {
			continue
		}
		for _, v := range t.Audit.Violations {
			if !slices.Contains(kinds, v.Kind) {
				kinds = append(kinds, v.Kind)
			}
		}
	}
	return kinds
}
