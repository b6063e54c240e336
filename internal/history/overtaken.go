package history

// Overtaken looks for a write during which limit or more other users' writes to the same session began and ended. It returns
// that write and their number, nil for none.
func (h *History) Overtaken(limit int) (op *Op, by int) {
	for k := range h.Ops {
		op := &h.Ops[k]
		if !op.Kind.Writes() || op.Outcome != OK {
			continue
		}
		by := 0
		for j := range h.Ops {
			if other := &h.Ops[j]; other.Kind.Writes() && other.User != op.User && other.Call > op.Call && other.Return < op.Return {
				by++
			}
		}
		if by >= limit {
			return op, by
		}
	}
	return nil, 0
}
