package verify

import "fmt"

// patienceOfQueue is how many others may begin and end a change of a session while somebody waits to change it. First come,
// first served lets none by; a mutex lets a few.
const patienceOfQueue = 30

// overtaken looks in a schedule's histories for a user who was passed over again and again, where the store declares to be
// fair: a schedule has no time to wait until that shows as a delay.
func (r *round) overtaken() *offence {
	if !r.guarantees.Fair {
		return nil
	}
	for i := range r.histories {
		ops := r.histories[i].Ops
		for k := range ops {
			op := &ops[k]
			if !op.Kind.Writes() || op.Outcome != OK {
				continue
			}
			passed := 0
			for j := range ops {
				if other := &ops[j]; other.Kind.Writes() && other.User != op.User && other.Call > op.Call && other.Return < op.Return {
					passed++
				}
			}
			if passed >= patienceOfQueue {
				return &offence{Starvation, ByFairness, -1, op.Return, fmt.Sprintf(
					"%s waited while %d changes of the same session by others began and ended", who(op), passed)}
			}
		}
	}
	return nil
}
