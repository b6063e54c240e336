package runner

import (
	"slices"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// A doubt is an operation of which a user was told that it may or may not have taken effect: its answer was lost on the
// way.
type doubt struct {
	op   scenarios.Op
	id   manager.ID // zero of a creation whose id nobody was told, and of a sweep
	word uint32     // what a write would have written
}

// doubtful is what may have happened to the sessions under one id beside what users were told.
type doubtful struct {
	writes, touches uint64
	words           []uint32 // of the writes
	begun, ended    bool
}

// wrote reports whether the entry at a word may be one of the doubtful writes.
func (d *doubtful) wrote(word uint32) bool { return slices.Contains(d.words, word) }

// doubts is everybody's doubts together.
type doubts struct {
	byID     map[manager.ID]*doubtful
	nameless int    // creations whose id nobody was told
	any      bool   // there are doubts
	swept    bool   // a sweep may have removed sessions, or not
	writes   uint64 // in all

	byVersion bool // touches are writes
}

func newDoubts(accounts []account, byVersion bool) *doubts {
	all := &doubts{byID: map[manager.ID]*doubtful{}, byVersion: byVersion}
	for _, l := range accounts {
		for _, d := range l.doubts {
			all.add(d)
		}
	}
	return all
}

func (all *doubts) add(d doubt) {
	all.any = true
	switch {
	case d.op == scenarios.Sweep:
		all.swept = true
		return
	case d.id == manager.ID{}:
		all.nameless++
		return
	}
	of := all.byID[d.id]
	if of == nil {
		of = &doubtful{}
		all.byID[d.id] = of
	}
	switch d.op {
	case scenarios.Create, scenarios.GetOrCreate:
		of.begun = true
	case scenarios.Delete:
		of.ended = true
	case scenarios.Append, scenarios.Update:
		all.written(of, d.word)
	case scenarios.Touch:
		if all.byVersion {
			all.written(of, d.word)
		} else {
			of.touches++
		}
	default: // a read may record a use
		of.touches++
	}
}

func (all *doubts) written(of *doubtful, word uint32) {
	of.writes++
	of.words = append(of.words, word)
	all.writes++
}

// of is what may have happened under id.
func (all *doubts) of(id manager.ID) *doubtful {
	if d := all.byID[id]; d != nil {
		return d
	}
	return &doubtful{}
}

// mayHaveBegun reports whether a life under id may have begun that nobody was told of.
func (all *doubts) mayHaveBegun(id manager.ID) bool {
	if all.of(id).begun {
		return true
	}
	all.nameless--
	return all.nameless >= 0
}

// mayHaveEnded reports whether a life under id may have ended without its last state having been handed to anybody.
func (all *doubts) mayHaveEnded(id manager.ID) bool { return all.swept || all.of(id).ended }
