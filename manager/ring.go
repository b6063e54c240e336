package manager

import "unsafe"

// ring is the newest HistoryLimit messages of a session as one pointer. Length and capacity follow from the number of messages
// ever appended, which the session counts anyway; a slice header would repeat them in 16 bytes, and a store's entry would no
// longer fit a cache line.
//
// Message q (from 1) is in slot (q-1) % HistoryLimit. The capacity grows 2, 4, 8, 15, so a conversation of one question and one
// answer, the most common kind, takes the memory of two messages and not of fifteen.
type ring struct{ first *Message }

// ringCap returns the capacity of the ring after seq appends.
func ringCap(seq uint64) int {
	switch {
	case seq == 0:
		return 0
	case seq <= 2:
		return 2
	case seq <= 4:
		return 4
	case seq <= 8:
		return 8
	default:
		return HistoryLimit
	}
}

// slots returns the ring's memory after seq appends. The pointer keeps the whole array alive.
func (r ring) slots(seq uint64) []Message { return unsafe.Slice(r.first, ringCap(seq)) }

// put writes message number seq+1 after seq earlier ones and returns the ring that holds it.
func (r ring) put(seq uint64, role, content string) ring {
	if seq < HistoryLimit && ringCap(seq+1) > ringCap(seq) {
		r = r.grow(seq, ringCap(seq+1))
	}
	m := &r.slots(seq + 1)[seq%HistoryLimit]
	m.Seq, m.Role, m.Content = seq+1, role, content
	return r
}

func (r ring) grow(seq uint64, n int) ring {
	next := make([]Message, n)
	copy(next, r.slots(seq))
	return ring{unsafe.SliceData(next)}
}

// restore writes message number at+1 of a history whose last message will have number last. It allocates the final capacity.
func (r ring) restore(at, last uint64, role, content string) ring {
	if r.first == nil {
		r = ring{unsafe.SliceData(make([]Message, ringCap(last)))}
	}
	r.slots(last)[at%HistoryLimit] = Message{at + 1, role, content}
	return r
}

func (r ring) copyTo(dst []Message, seq uint64) []Message {
	if seq <= HistoryLimit {
		return append(dst, r.slots(seq)[:seq]...)
	}
	slots, oldest := r.slots(seq), seq%HistoryLimit
	dst = append(dst, slots[oldest:]...)
	return append(dst, slots[:oldest]...)
}

func (r ring) clone(seq uint64) ring {
	if r.first == nil {
		return r
	}
	return r.grow(seq, ringCap(seq))
}
