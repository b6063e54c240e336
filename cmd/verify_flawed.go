package cmd

import (
	"slices"
	"strings"

	"github.com/sessbench/sessbench/internal/flawed"
	"github.com/sessbench/sessbench/internal/verify"
)

// flawedTasks resolves --flawed.
func (o *verifyOptions) flawedTasks() ([]task, error) {
	var list []*flawed.Flaw
	for name := range strings.SplitSeq(strings.Join(o.Flawed, ","), ",") {
		if name = strings.TrimSpace(name); name == "all" {
			list = append(list, flawed.All()...)
			continue
		}
		f, known := flawed.Lookup(name)
		if !known {
			return nil, usagef("%s %s: unknown flawed store: want all or some of %s",
				o.from("flawed"), quoted(name), strings.Join(flawNames(), ", "))
		}
		list = append(list, f)
	}
	var tasks []task
	for i, f := range list {
		if !slices.Contains(list[:i], f) {
			tasks = append(tasks, o.flawedTask(f))
		}
	}
	return tasks, nil
}

// flawedTask plays the schedule once, or presses until the store is convicted, where not asked for otherwise.
func (o *verifyOptions) flawedTask(f *flawed.Flaw) task {
	t := o.task(f.Name)
	t.Flaw, t.flaw, t.First = f.Name, f, o.Until == ""
	t.Scheduled = o.Schedule != random
	switch given := o.sources["rounds"].rank != rankDefault; {
	case given:
	case t.Scheduled:
		t.Rounds = 1
	default:
		t.Rounds = untilBudget
	}
	if !t.Scheduled && o.sources["budget"].rank == rankDefault {
		t.Budget = flawedBudget
	}
	return t
}

func flawNames() (names []string) {
	for _, f := range flawed.All() {
		names = append(names, f.Name)
	}
	return names
}

// convicted reports whether the report on a flawed store names what is wrong with it. One that races brings its
// process down as well as anything, wherever the runtime or the race detector notices.
func convicted(r *verify.Report, f *flawed.Flaw) bool {
	return r.Violation != nil &&
		(slices.Contains(f.Kills, r.Violation.Anomaly) || f.Races && r.Violation.Anomaly == verify.Crash)
}

// anomalies lists what a flawed store may be convicted of.
func anomalies(f *flawed.Flaw) string {
	var names []string
	for _, a := range f.Kills {
		names = append(names, string(a))
	}
	return strings.Join(names, " or ")
}
