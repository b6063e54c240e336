package redis_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sessbench/sessbench/manager"
)

// ledger is one incarnation of a session: the list of its updates.
type ledger struct {
	Incarnation string   // name of the creation; in message lists, the incarnation
	Count       int      // updates ever made
	Ops         []string // the updates, oldest first; in message lists only the newest
}

// at is the update with this number, from 1; empty where it is not kept.
func (l *ledger) at(n int) string {
	if i := n - 1 - (l.Count - len(l.Ops)); i >= 0 && i < len(l.Ops) {
		return l.Ops[i]
	}
	return ""
}

// operation is an operation of a user on a session, with its outcome.
type operation struct {
	does        verb
	id          manager.ID
	name        string // of the update, or of the incarnation that a creation would create; unique
	err         error
	created     bool
	incarnation string // that it used, if the reply contained it
	number      int    // of the update in its incarnation
	last        *ledger
}

type verb uint8

const (
	creates verb = iota
	adds
	removes
)

// kind returns the kind of the error, empty if a store must not return it.
func (d *operation) kind() string {
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

// tally counts operations by the kinds of their errors.
func tally(ops []operation) map[string]int {
	n := map[string]int{}
	for i := range ops {
		n[ops[i].kind()]++
	}
	return n
}

// account is what is known of one session id.
type account struct {
	ops          []operation
	incarnations map[string]*ledger // that a deletion returned, or that exist at the end
	violations   *[]string
}

// audit compares the outcomes that users got with the sessions at the end, final. It reports which writes were lost, which were
// made twice, and which were made although they were refused. An indeterminate operation may have been made once. What an
// indeterminate deletion removed is unknown.
func audit(ops []operation, final map[manager.ID]*ledger) (violations []string) {
	accounts := map[manager.ID]*account{}
	of := func(id manager.ID) *account {
		if accounts[id] == nil {
			accounts[id] = &account{incarnations: map[string]*ledger{}, violations: &violations}
		}
		return accounts[id]
	}
	for _, d := range ops {
		a := of(d.id)
		if d.kind() == "" {
			a.violate("%s ended with an error that a store must not return: %v", d.name, d.err)
		}
		a.ops = append(a.ops, d)
		if d.last != nil {
			a.ends(d.last)
		}
	}
	for id, l := range final {
		of(id).ends(l)
	}
	for _, a := range accounts {
		a.checkIncarnations()
		a.checkUpdates()
		a.checkCounts()
	}
	slices.Sort(violations)
	return violations
}

func (a *account) violate(format string, args ...any) {
	*a.violations = append(*a.violations, fmt.Sprintf(format, args...))
}

// ends records the last state of an incarnation.
func (a *account) ends(l *ledger) {
	if a.incarnations[l.Incarnation] != nil {
		a.violate("incarnation %s ended twice", l.Incarnation)
	}
	a.incarnations[l.Incarnation] = l
}

// begun returns the operation that may have created an incarnation, or nil.
func (a *account) begun(incarnation string) *operation {
	for i := range a.ops {
		d := &a.ops[i]
		if d.does == creates && (d.incarnation == incarnation && d.created || d.kind() == "indeterminate" && (d.name == incarnation || d.incarnation == "")) {
			return d
		}
	}
	return nil
}

// checkIncarnations: every incarnation was created once, and removed at most as often as deletions were made.
func (a *account) checkIncarnations() {
	lived, begun, unknownEnds := map[string]bool{}, map[string]bool{}, 0
	for i := range a.ops {
		d := &a.ops[i]
		if d.does == removes && d.kind() == "indeterminate" {
			unknownEnds++
		}
		if d.does == removes || d.err != nil {
			continue
		}
		lived[d.incarnation] = true
		if d.created && begun[d.incarnation] {
			a.violate("two calls returned that they created incarnation %s", d.incarnation)
		}
		begun[d.incarnation] = begun[d.incarnation] || d.created
	}
	for incarnation := range a.incarnations {
		if a.begun(incarnation) == nil {
			a.violate("no call reported that it created incarnation %s", incarnation)
		}
	}
	gone := 0
	for incarnation := range lived {
		if a.incarnations[incarnation] == nil {
			gone++
		}
	}
	if gone > unknownEnds {
		a.violate("%d incarnations were lost, and %d deletions may have been made", gone, unknownEnds)
	}
}

// checkUpdates: acknowledged updates are in their places, no update occurs twice, and no refused one occurs.
func (a *account) checkUpdates() {
	by := map[string]*operation{}
	for i := range a.ops {
		if d := &a.ops[i]; d.does == adds {
			by[d.name] = d
		}
	}
	seen := map[string]bool{}
	for _, l := range a.incarnations {
		for _, op := range l.Ops {
			d := by[op]
			switch {
			case seen[op]:
				a.violate("update %s was made twice", op)
			case d == nil:
				a.violate("update %s was made by no user", op)
			case d.err != nil && d.kind() != "indeterminate":
				a.violate("update %s was made, although it returned %q", op, d.err)
			}
			seen[op] = true
		}
	}
	for _, d := range by {
		if l := a.incarnations[d.incarnation]; d.err == nil && l != nil && l.at(d.number) != d.name && d.number > l.Count-len(l.Ops) {
			a.violate("update %s was lost: number %d of incarnation %s is %q", d.name, d.number, d.incarnation, l.at(d.number))
		}
	}
}

// checkCounts: each incarnation has at least the acknowledged updates, and at most those that may have been made.
func (a *account) checkCounts() {
	sure, maybe := map[string]map[int]bool{}, 0
	for i := range a.ops {
		d := &a.ops[i]
		switch {
		case d.does != adds:
		case d.err == nil:
			if sure[d.incarnation] == nil {
				sure[d.incarnation] = map[int]bool{}
			}
			if sure[d.incarnation][d.number] {
				a.violate("two updates returned that they are number %d of incarnation %s", d.number, d.incarnation)
			}
			sure[d.incarnation][d.number] = true
		case d.kind() == "indeterminate":
			maybe++
		}
	}
	for incarnation, l := range a.incarnations {
		if n := len(sure[incarnation]); l.Count < n || l.Count > n+maybe {
			a.violate("incarnation %s counts %d updates: %d were acknowledged, %d more may have been made", incarnation, l.Count, n, maybe)
		}
	}
}

// TestAudit checks that correct histories pass and that each kind of error is found.
func TestAudit(t *testing.T) {
	id := manager.ID{1}
	lost := fmt.Errorf("%w: connection lost", manager.ErrIndeterminate)
	refused := manager.NotApplied(errors.New("no"))
	begins := func(incarnation string) operation {
		return operation{does: creates, id: id, name: incarnation, incarnation: incarnation, created: true}
	}
	did := func(name string, n int) operation {
		return operation{does: adds, id: id, name: name, incarnation: "L", number: n}
	}
	failed := func(name string, err error) operation {
		return operation{does: adds, id: id, name: name, incarnation: "L", err: err}
	}
	last := func(count int, ops ...string) *ledger { return &ledger{Incarnation: "L", Count: count, Ops: ops} }
	ends := func(l *ledger) operation { return operation{does: removes, id: id, last: l} }
	for _, c := range []struct {
		what  string
		ops   []operation
		final *ledger
		want  string // part of a finding; empty for none
	}{
		{"all acknowledged, all there", []operation{begins("L"), did("a", 1), did("b", 2)}, last(2, "a", "b"), ""},
		{"one of unknown outcome is there", []operation{begins("L"), failed("a", lost), did("b", 2)}, last(2, "a", "b"), ""},
		{"one of unknown outcome is not there", []operation{begins("L"), failed("a", lost), did("b", 1)}, last(1, "b"), ""},
		{"the older ones are not kept", []operation{begins("L"), did("a", 1), did("b", 2)}, last(2, "b"), ""},
		{"deleted with all in it", []operation{begins("L"), did("a", 1), ends(last(1, "a"))}, nil, ""},
		{"gone by a deletion of unknown outcome", []operation{begins("L"), did("a", 1), {does: removes, id: id, err: lost}}, nil, ""},
		{"created with unknown outcome", []operation{{does: creates, id: id, name: "L", err: lost}, did("a", 1)}, last(1, "a"), ""},

		{"an acknowledged one is not there", []operation{begins("L"), did("a", 1)}, last(0), "lost"},
		{"another one is in its place", []operation{begins("L"), did("a", 1), did("b", 1)}, last(1, "b"), "number 1"},
		{"an acknowledged one is there twice", []operation{begins("L"), did("a", 1)}, last(2, "a", "a"), "twice"},
		{"one of unknown outcome is there twice", []operation{begins("L"), failed("a", lost), failed("b", lost)}, last(2, "a", "a"), "made twice"},
		{"a refused one is there", []operation{begins("L"), failed("a", refused), failed("b", lost)}, last(1, "a"), "although it returned"},
		{"one that found no session is there", []operation{begins("L"), failed("a", manager.ErrNotFound), failed("b", lost)}, last(1, "a"), "although it returned"},
		{"one that no user made is there", []operation{begins("L"), failed("a", lost)}, last(1, "z"), "no user"},
		{"one too many among those not kept", []operation{begins("L"), did("a", 1), did("b", 3)}, last(3, "b"), "counts 3"},
		{"lost on deletion", []operation{begins("L"), did("a", 1), ends(last(0))}, nil, "incarnation L counts 0"},
		{"deleted twice", []operation{begins("L"), ends(last(0)), ends(last(0))}, nil, "ended twice"},
		{"deleted and still there", []operation{begins("L"), ends(last(0))}, last(0), "ended twice"},
		{"created twice", []operation{begins("L"), begins("L")}, last(0), "two calls"},
		{"vanished", []operation{begins("L")}, nil, "were lost"},
		{"vanished, and only its updates show it", []operation{{does: creates, id: id, name: "L", err: lost}, did("a", 1)}, nil, "were lost"},
		{"created by a call that returned another incarnation", []operation{{does: creates, id: id, name: "L", incarnation: "M"}}, last(0), "no call reported"},
		{"an error that does not state the outcome", []operation{begins("L"), failed("a", errors.New("EOF"))}, last(0), "must not return"},
	} {
		final := map[manager.ID]*ledger{}
		if c.final != nil {
			final[id] = c.final
		}
		violations := audit(c.ops, final)
		if c.want == "" && len(violations) > 0 {
			t.Errorf("%s: the audit finds %q, want nothing", c.what, violations)
		}
		if c.want != "" && !strings.Contains(strings.Join(violations, "\n"), c.want) {
			t.Errorf("%s: the audit finds %q, want %q", c.what, violations, c.want)
		}
	}
}
