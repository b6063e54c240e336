package audit

import (
	"slices"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// possible sums up the indeterminate operations on the sessions under one id.
type possible struct {
	writes, uses     uint64
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
}

// newIndeterminates sums up what is indeterminate in the ledgers. Operations with a property in counted are writes.
func newIndeterminates(ledgers []*Ledger, counted scenarios.Properties) *indeterminates {
	all := &indeterminates{byID: map[manager.ID]*possible{}}
	for _, l := range ledgers {
		for _, d := range l.Indeterminates {
			all.add(d, counted)
		}
	}
	return all
}

func (all *indeterminates) add(d Indeterminate, counted scenarios.Properties) {
	all.any = true
	switch {
	case d.Op.Does(scenarios.RemovesIdle):
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
	switch {
	case d.Op.Does(scenarios.Mints | scenarios.Ensures):
		of.created = true
	case d.Op.Does(scenarios.Removes):
		of.deleted = true
	case d.Op.Does(counted):
		of.writes++
		of.words = append(of.words, d.Word)
		all.writes++
	default: // a read may record a use
		of.uses++
	}
}

// of is what may have happened under id.
func (all *indeterminates) of(id manager.ID) *possible {
	if d := all.byID[id]; d != nil {
		return d
	}
	return &possible{}
}

// takeCreation reports whether an indeterminate operation may have created an incarnation under id. An operation without an id
// accounts for one incarnation.
func (all *indeterminates) takeCreation(id manager.ID) bool {
	if all.of(id).created {
		return true
	}
	all.nameless--
	return all.nameless >= 0
}

// mayBeRemoved reports whether an indeterminate operation may have removed an incarnation under id.
func (all *indeterminates) mayBeRemoved(id manager.ID) bool { return all.swept || all.of(id).deleted }
