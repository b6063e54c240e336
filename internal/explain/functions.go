package explain

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/google/pprof/profile"

	"github.com/sessbench/sessbench/reports/result"
)

// What is listed of a profile.
const (
	mostFunctions = 10
	leastFunction = 0.01 // share
	fewestSamples = 50   // of processor time: with fewer, chance decides which function they hit
)

// Functions returns the functions to which most of a profile of processor time or of mutexes belongs. Processor time belongs to the innermost
// function of the stack, if the sample has the label of an operation; the delay of a mutex, to the innermost function outside the runtime
// and package sync: the one that unlocks it. Delays of the runtime's own locks belong to no function.
func Functions(p *profile.Profile) (list []result.Function) {
	if len(p.SampleType) == 0 {
		return nil
	}
	value := len(p.SampleType) - 1 // a time
	flat := p.SampleType[value].Type == "cpu"
	sums, all, samples := map[string]int64{}, int64(0), int64(0)
	for _, s := range p.Sample {
		if v := s.Value[value]; v > 0 && (!flat || len(s.Label["operation"]) > 0) {
			name := functionOf(s, flat)
			if name == "" {
				continue
			}
			sums[shortName(name)] += v
			all += v
			samples += s.Value[0]
		}
	}
	names := slices.SortedFunc(maps.Keys(sums), func(a, b string) int { return cmp.Or(cmp.Compare(sums[b], sums[a]), strings.Compare(a, b)) })
	if flat && samples < fewestSamples {
		return nil
	}
	for _, name := range names[:min(mostFunctions, len(names))] {
		if share := float64(sums[name]) / float64(all); share >= leastFunction {
			list = append(list, result.Function{Name: name, Share: share})
		}
	}
	return list
}

// shortName leaves out the path of a function's package, the types of its parameters, and the compiler's function for a deferred call:
// "strategies.(*Global[…]).Update".
func shortName(name string) string {
	if i := strings.LastIndex(name, ".deferwrap"); i >= 0 {
		name = name[:i]
	}
	if i := strings.Index(name, "["); i >= 0 {
		if j := strings.LastIndex(name, "]"); j > i {
			name = name[:i] + "[…]" + name[j+1:]
		}
	}
	return name[strings.LastIndex(name, "/")+1:]
}

// functionOf returns the function to which a sample belongs; empty: none.
func functionOf(s *profile.Sample, flat bool) string {
	for _, l := range s.Location {
		for _, line := range l.Line {
			if line.Function == nil {
				continue
			}
			name := line.Function.Name
			if flat || !strings.HasPrefix(name, "runtime.") && !strings.HasPrefix(name, "sync.") && !strings.HasPrefix(name, "internal/") {
				return name
			}
		}
	}
	return ""
}
