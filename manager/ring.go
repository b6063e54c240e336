package manager

import (
	"slices"
	"unsafe"
)

// ring is the newest HistoryLimit messages of a session as one pointer. Length and capacity follow from the number of messages
// ever appended, which the session counts anyway; a slice header would repeat them in 16 bytes, and a store's entry would no
// longer fit a cache line.
//
// Message q (from 1) is in slot (q-1) % HistoryLimit. The capacity grows 2, 4, 8, 15, so a conversation of one question and one
// answer, the most common kind, takes the memory of two messages and not of fifteen.
type ring struct{ first *kept }

// kept is a message in a ring. Its number follows from its slot and the number of messages ever appended. It is 32 bytes, so that none lies
// across two cache lines, and an append writes one.
type kept struct{ role, content string }

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
func (r ring) slots(seq uint64) []kept { return unsafe.Slice(r.first, ringCap(seq)) }

// put writes message number seq+1 after seq earlier ones and returns the ring that holds it.
func (r ring) put(seq uint64, role, content string) ring {
	if seq < HistoryLimit && ringCap(seq+1) > ringCap(seq) {
		r = r.grow(seq, ringCap(seq+1))
	}
	r.slots(seq + 1)[seq%HistoryLimit] = kept{role, content}
	return r
}

func (r ring) grow(seq uint64, n int) ring {
	next := make([]kept, n)
	copy(next, r.slots(seq))
	return ring{unsafe.SliceData(next)}
}

// restore writes message number at+1 of a history whose last message will have number last. It allocates the final capacity.
func (r ring) restore(at, last uint64, role, content string) ring {
	if r.first == nil {
		r = ring{unsafe.SliceData(make([]kept, ringCap(last)))}
	}
	r.slots(last)[at%HistoryLimit] = kept{role, content}
	return r
}

// copyTo appends the messages to dst, oldest first.
func (r ring) copyTo(dst []Message, seq uint64) []Message {
	n, have := int(min(seq, HistoryLimit)), len(dst)
	dst = slices.Grow(dst, n)[:have+n]
	oldest := int((seq - uint64(n)) % HistoryLimit)
	slots, number := r.slots(seq)[:n], seq-uint64(n)+1
	number = numbered(dst[have:], slots[oldest:], number)
	numbered(dst[have+n-oldest:], slots[:oldest], number)
	return dst
}

// numbered copies messages to dst, with numbers from first, and returns the number after the last.
func numbered(dst []Message, from []kept, first uint64) uint64 {
	dst = dst[:len(from)]
	for i := range from {
		d, m := &dst[i], &from[i]
		d.Seq = first + uint64(i)
		d.Role, d.Content = m.role, m.content
	}
	return first + uint64(len(from))
}

func (r ring) clone(seq uint64) ring {
	if r.first == nil {
		return r
	}
	return r.grow(seq, ringCap(seq))
}
