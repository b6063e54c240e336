package redis_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sessbench/sessbench/manager"
)

// ledger is one life of a session, which says what was written in it.
type ledger struct {
	Life  string   // the creation that began it; in message lists, its incarnation
	Count int      // updates ever made
	Ops   []string // the updates, oldest first; in message lists only the newest
}

// at is the update with this number, from 1; empty where it is not kept.
func (l *ledger) at(n int) string {
	if i := n - 1 - (l.Count - len(l.Ops)); i >= 0 && i < len(l.Ops) {
		return l.Ops[i]
	}
	return ""
}

// deed is what a user did to a session, and what came of it.
type deed struct {
	does    verb
	id      manager.ID
	name    string // of the update, or of the life that a creation would begin; nobody else's
	err     error
	created bool
	life    string // that it met, as far as it was told
	number  int    // of the update in its life
	last    *ledger
}

type verb uint8

const (
	creates verb = iota
	adds
	removes
)

// kind is the error's kind, of those that a store may answer with; empty for any other.
func (d *deed) kind() string {
	switch {
	case d.err == nil:
		return "ok"
	case errors.Is(d.err, manager.ErrIndeterminate):
		return "indeterminate"
	case errors.Is(d.err, manager.ErrNotFound):
		return "not found"
	case errors.Is(d.err, manager.ErrConflict):
		return "conflict"
	case errors.Is(d.err, manager.ErrNotApplied):
		return "not applied"
	}
	return ""
}

// tally counts deeds by their kinds.
func tally(deeds []deed) map[string]int {
	n := map[string]int{}
	for i := range deeds {
		n[deeds[i].kind()]++
	}
	return n
}

// account is what is known of one session id.
type account struct {
	deeds  []deed
	lives  map[string]*ledger // that somebody was handed over, or that are there in the end
	faults *[]string
}

// judge compares what users were told with what is there in the end. Its findings say which writes were lost, which were
// made twice, and which were made although they were refused; a deed of unknown outcome may have been done once.
// final holds the sessions that are there; what a deletion of unknown outcome took with it, nobody knows.
func judge(deeds []deed, final map[manager.ID]*ledger) (faults []string) {
	accounts := map[manager.ID]*account{}
	of := func(id manager.ID) *account {
		if accounts[id] == nil {
			accounts[id] = &account{lives: map[string]*ledger{}, faults: &faults}
		}
		return accounts[id]
	}
	for _, d := range deeds {
		a := of(d.id)
		if d.kind() == "" {
			a.fault("%s ended with an error of no known kind: %v", d.name, d.err)
		}
		a.deeds = append(a.deeds, d)
		if d.last != nil {
			a.ends(d.last)
		}
	}
	for id, l := range final {
		of(id).ends(l)
	}
	for _, a := range accounts {
		a.checkLives()
		a.checkUpdates()
		a.checkCounts()
	}
	slices.Sort(faults)
	return faults
}

func (a *account) fault(format string, args ...any) {
	*a.faults = append(*a.faults, fmt.Sprintf(format, args...))
}

// ends notes how a life ended.
func (a *account) ends(l *ledger) {
	if a.lives[l.Life] != nil {
		a.fault("life %s ended twice", l.Life)
	}
	a.lives[l.Life] = l
}

// begun is the deed that may have begun a life; nil: nobody's.
func (a *account) begun(life string) *deed {
	for i := range a.deeds {
		d := &a.deeds[i]
		if d.does == creates && (d.life == life && d.created || d.kind() == "indeterminate" && (d.name == life || d.life == "")) {
			return d
		}
	}
	return nil
}

// checkLives: every life was begun by one creation, and ended as often as deletions were made.
func (a *account) checkLives() {
	lived, begun, unknownEnds := map[string]bool{}, map[string]bool{}, 0
	for i := range a.deeds {
		d := &a.deeds[i]
		if d.does == removes && d.kind() == "indeterminate" {
			unknownEnds++
		}
		if d.does == removes || d.err != nil {
			continue
		}
		lived[d.life] = true
		if d.created && begun[d.life] {
			a.fault("two callers were told that they began life %s", d.life)
		}
		begun[d.life] = begun[d.life] || d.created
	}
	for life := range a.lives {
		if a.begun(life) == nil {
			a.fault("life %s was begun by nobody, or by who was told that it was not", life)
		}
	}
	gone := 0
	for life := range lived {
		if a.lives[life] == nil {
			gone++
		}
	}
	if gone > unknownEnds {
		a.fault("%d lives were lost, and %d deletions may have been made", gone, unknownEnds)
	}
}

// checkUpdates: what was acknowledged is in its place, nothing is there twice, and nothing that was refused is there.
func (a *account) checkUpdates() {
	by := map[string]*deed{}
	for i := range a.deeds {
		if d := &a.deeds[i]; d.does == adds {
			by[d.name] = d
		}
	}
	seen := map[string]bool{}
	for _, l := range a.lives {
		for _, op := range l.Ops {
			d := by[op]
			switch {
			case seen[op]:
				a.fault("update %s was made twice", op)
			case d == nil:
				a.fault("update %s is nobody's", op)
			case d.err != nil && d.kind() != "indeterminate":
				a.fault("update %s was made, and its user told %q", op, d.err)
			}
			seen[op] = true
		}
	}
	for _, d := range by {
		if l := a.lives[d.life]; d.err == nil && l != nil && l.at(d.number) != d.name && d.number > l.Count-len(l.Ops) {
			a.fault("update %s was lost: number %d of life %s is %q", d.name, d.number, d.life, l.at(d.number))
		}
	}
}

// checkCounts: no life has fewer updates than were acknowledged, or more than may have been made.
func (a *account) checkCounts() {
	sure, maybe := map[string]map[int]bool{}, 0
	for i := range a.deeds {
		d := &a.deeds[i]
		switch {
		case d.does != adds:
		case d.err == nil:
			if sure[d.life] == nil {
				sure[d.life] = map[int]bool{}
			}
			if sure[d.life][d.number] {
				a.fault("two updates were told that they are number %d of life %s", d.number, d.life)
			}
			sure[d.life][d.number] = true
		case d.kind() == "indeterminate":
			maybe++
		}
	}
	for life, l := range a.lives {
		if n := len(sure[life]); l.Count < n || l.Count > n+maybe {
			a.fault("life %s counts %d updates: %d were acknowledged, %d more may have been made", life, l.Count, n, maybe)
		}
	}
}

// TestJudge: what is right passes, and every way to be wrong is found.
func TestJudge(t *testing.T) {
	id := manager.ID{1}
	lost := fmt.Errorf("%w: connection lost", manager.ErrIndeterminate)
	refused := manager.NotApplied(errors.New("no"))
	begins := func(life string) deed { return deed{does: creates, id: id, name: life, life: life, created: true} }
	did := func(name string, n int) deed { return deed{does: adds, id: id, name: name, life: "L", number: n} }
	failed := func(name string, err error) deed { return deed{does: adds, id: id, name: name, life: "L", err: err} }
	last := func(count int, ops ...string) *ledger { return &ledger{Life: "L", Count: count, Ops: ops} }
	ends := func(l *ledger) deed { return deed{does: removes, id: id, last: l} }
	for _, c := range []struct {
		what  string
		deeds []deed
		final *ledger
		want  string // part of a finding; empty for none
	}{
		{"all acknowledged, all there", []deed{begins("L"), did("a", 1), did("b", 2)}, last(2, "a", "b"), ""},
		{"one of unknown outcome is there", []deed{begins("L"), failed("a", lost), did("b", 2)}, last(2, "a", "b"), ""},
		{"one of unknown outcome is not there", []deed{begins("L"), failed("a", lost), did("b", 1)}, last(1, "b"), ""},
		{"the older ones are not kept", []deed{begins("L"), did("a", 1), did("b", 2)}, last(2, "b"), ""},
		{"deleted with all in it", []deed{begins("L"), did("a", 1), ends(last(1, "a"))}, nil, ""},
		{"gone by a deletion of unknown outcome", []deed{begins("L"), did("a", 1), {does: removes, id: id, err: lost}}, nil, ""},
		{"begun with unknown outcome", []deed{{does: creates, id: id, name: "L", err: lost}, did("a", 1)}, last(1, "a"), ""},

		{"an acknowledged one is not there", []deed{begins("L"), did("a", 1)}, last(0), "lost"},
		{"another one is in its place", []deed{begins("L"), did("a", 1), did("b", 1)}, last(1, "b"), "number 1"},
		{"an acknowledged one is there twice", []deed{begins("L"), did("a", 1)}, last(2, "a", "a"), "twice"},
		{"one of unknown outcome is there twice", []deed{begins("L"), failed("a", lost), failed("b", lost)}, last(2, "a", "a"), "made twice"},
		{"a refused one is there", []deed{begins("L"), failed("a", refused), failed("b", lost)}, last(1, "a"), "its user told"},
		{"one that found no session is there", []deed{begins("L"), failed("a", manager.ErrNotFound), failed("b", lost)}, last(1, "a"), "its user told"},
		{"one is nobody's", []deed{begins("L"), failed("a", lost)}, last(1, "z"), "nobody's"},
		{"one too many among those not kept", []deed{begins("L"), did("a", 1), did("b", 3)}, last(3, "b"), "counts 3"},
		{"lost on deletion", []deed{begins("L"), did("a", 1), ends(last(0))}, nil, "life L counts 0"},
		{"deleted twice", []deed{begins("L"), ends(last(0)), ends(last(0))}, nil, "ended twice"},
		{"deleted and still there", []deed{begins("L"), ends(last(0))}, last(0), "ended twice"},
		{"created twice", []deed{begins("L"), begins("L")}, last(0), "two callers"},
		{"vanished", []deed{begins("L")}, nil, "were lost"},
		{"vanished, and only its updates tell of it", []deed{{does: creates, id: id, name: "L", err: lost}, did("a", 1)}, nil, "were lost"},
		{"made by who was told that another did", []deed{{does: creates, id: id, name: "L", life: "M"}}, last(0), "begun by nobody"},
		{"an error that says nothing of the outcome", []deed{begins("L"), failed("a", errors.New("EOF"))}, last(0), "no known kind"},
	} {
		final := map[manager.ID]*ledger{}
		if c.final != nil {
			final[id] = c.final
		}
		faults := judge(c.deeds, final)
		if c.want == "" && len(faults) > 0 {
			t.Errorf("%s: the judge finds %q, want nothing", c.what, faults)
		}
		if c.want != "" && !strings.Contains(strings.Join(faults, "\n"), c.want) {
			t.Errorf("%s: the judge finds %q, want %q", c.what, faults, c.want)
		}
	}
}
