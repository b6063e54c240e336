package runner

import (
	"slices"

	"github.com/sessbench/sessbench/internal/judge"
)

// soFar reports a document of the trials that have ended, those of the scenario that is measured without what follows from all of them: the
// limits and the marks of its rows. Nothing that it refers to is changed afterwards, and its summaries are not filled.
func (r *run) soFar(entrants []*entrant) {
	if r.SoFar == nil {
		return
	}
	d := *r.doc
	d.Interrupted, d.Results = true, slices.Clone(d.Results)
	for _, e := range entrants {
		if of := e.result; len(of.Trials) > 0 {
			of.Trials = slices.Clone(of.Trials)
			d.Results = append(d.Results, of)
		}
	}
	r.SoFar(&d)
}

// foundSoFar returns the entrants as if the search had ended.
func foundSoFar(finders []*finder, base setup, goal judge.Goal) (list []*entrant) {
	for _, f := range finders {
		of, e, s := *f, *f.entrant, *f.search
		of.entrant, of.search, of.probes = &e, &s, slices.Clone(f.probes)
		of.conclude(base, goal)
		list = append(list, &e)
	}
	return list
}
