package history

import (
	"slices"
	"strings"
)

// Consequence says in everyday words what a violation means for the users of the sessions. Empty: the violation's own
// sentence says it.
func (v *Violation) Consequence() string {
	writers := v.users(func(op *Op) bool { return op.Kind.Writes() })
	if v.Anomaly == LostUpdate {
		switch {
		case !v.confirmed():
			return ""
		case len(writers) > 1:
			last := len(writers) - 1
			return "A change by " + strings.Join(writers[:last], ", ") + " or " + writers[last] +
				" is lost, although each of their calls returned success."
		}
		return "The change by " + only(writers, "one user") + " is lost, although the call returned success."
	}
	i := severity(v.Anomaly)
	if i < 0 {
		return ""
	}
	readers := v.users(func(op *Op) bool { return op.Kind.Reads() || op.Kind == GetOrCreate && !op.Created })
	return strings.NewReplacer("READER", only(readers, "A user"), "WRITER", only(writers, "a user")).
		Replace(anomalies[i].means)
}

// confirmed reports whether every conflicting change returned success.
func (v *Violation) confirmed() bool {
	return len(v.conflicting(func(op *Op) bool { return op.Kind.Writes() && op.Outcome != OK })) == 0
}

func only(names []string, other string) string {
	if len(names) == 1 {
		return names[0]
	}
	return other
}

// users returns the names of the users of the conflicting operations that which selects, in the order of their numbers.
func (v *Violation) users(which func(*Op) bool) (names []string) {
	var numbers []int32
	for _, op := range v.conflicting(which) {
		numbers = append(numbers, op.User)
	}
	slices.Sort(numbers)
	for _, u := range slices.Compact(numbers) {
		names = append(names, UserName(u))
	}
	return names
}

// conflicting returns the conflicting operations that which selects.
func (v *Violation) conflicting(which func(*Op) bool) (ops []*Op) {
	for _, i := range v.Conflict {
		if op := v.Op(i); op != nil && which(op) {
			ops = append(ops, op)
		}
	}
	return ops
}

// Op returns operation i of the violation's history, nil if there is none.
func (v *Violation) Op(i int) *Op {
	if v.History == nil || i < 0 || i >= len(v.History.Ops) {
		return nil
	}
	return &v.History.Ops[i]
}
