package runner

import (
	"slices"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// indeterminate is an operation that may or may not have taken effect: its response was lost.
type indeterminate struct {
	Op   scenarios.Op
	ID   manager.ID // zero for a sweep, and for a creation whose id was not received
	Word uint32     // what a write would have written
}

// possible sums up the indeterminate operations on the sessions under one id.
type possible struct {
	writes, touches  uint64
	words            []uint32 // of the writes
	created, deleted bool
}

// wrote reports whether the entry at a word may be one of the indeterminate writes.
func (d *possible) wrote(word uint32) bool { return slices.Contains(d.words, word) }

// indeterminates are the indeterminate operations of all users.
type indeterminates struct {
	byID     map[manager.ID]*possible
	nameless int    // creations whose id was not received
	any      bool   // there is at least one
	swept    bool   // a sweep may have removed sessions, or not
	writes   uint64 // in all

	byVersion bool // touches are writes
}

func newIndeterminates(userLedgers []userLedger, byVersion bool) *indeterminates {
	all := &indeterminates{byID: map[manager.ID]*possible{}, byVersion: byVersion}
	for _, l := range userLedgers {
		for _, d := range l.Ledger.Indeterminates {
			all.add(d)
		}
	}
	return all
}

func (all *indeterminates) add(d indeterminate) {
	all.any = true
	switch {
	case d.Op == scenarios.Sweep:
		all.swept = true
		return
	case d.ID == manager.ID{}:
		all.nameless++
		return
	}
	of := all.byID[d.ID]
	if of == nil {
		of = &possible{}
		all.byID[d.ID] = of
	}
	switch d.Op {
	case scenarios.Create, scenarios.GetOrCreate:
		of.created = true
	case scenarios.Delete:
		of.deleted = true
	case scenarios.Append, scenarios.Update:
		all.written(of, d.Word)
	case scenarios.Touch:
		if all.byVersion {
			all.written(of, d.Word)
		} else {
			of.touches++
		}
	default: // a read may record a use
		of.touches++
	}
}

func (all *indeterminates) written(of *possible, word uint32) {
	of.writes++
	of.words = append(of.words, word)
	all.writes++
}

// of is what may have happened under id.
func (all *indeterminates) of(id manager.ID) *possible {
	if d := all.byID[id]; d != nil {
		return d
	}
	return &possible{}
}

// mayBeCreated reports whether an indeterminate operation may have created an incarnation under id.
func (all *indeterminates) mayBeCreated(id manager.ID) bool {
	if all.of(id).created {
		return true
	}
	all.nameless--
	return all.nameless >= 0
}

// mayBeRemoved reports whether an indeterminate operation may have removed an incarnation under id.
func (all *indeterminates) mayBeRemoved(id manager.ID) bool { return all.swept || all.of(id).deleted }
