package manager

import (
	"fmt"
	"testing"
)

func TestRingGrowth(t *testing.T) {
	tests := []struct {
		why  string
		seq  uint64
		want int
	}{
		{"nothing is kept for a session without messages", 0, 0},
		{"a question has room for its answer", 1, 2},
		{"a question and an answer, the commonest conversation", 2, 2},
		{"a second question", 3, 4},
		{"full at four", 4, 4},
		{"the fifth message", 5, 8},
		{"full at eight", 8, 8},
		{"the ninth message brings the final size", 9, 15},
		{"full", 15, 15},
		{"the oldest is overwritten", 16, 15},
		{"a long conversation", 1 << 40, 15},
	}
	for _, test := range tests {
		if got := ringCap(test.seq); got != test.want {
			t.Errorf("%s: room for %d messages after %d: want %d", test.why, got, test.seq, test.want)
		}
	}
}

// A ring moves to new memory when it grows and at no other time.
func TestRingMovesOnlyToGrow(t *testing.T) {
	var r ring
	moves := map[uint64]bool{1: true, 3: true, 5: true, 9: true}
	for seq := uint64(1); seq <= 100; seq++ {
		before := r.first
		r = r.put(seq-1, "user", fmt.Sprint(seq))
		if moved := r.first != before; moved != moves[seq] {
			t.Errorf("message %d: moved %v, want %v", seq, moved, moves[seq])
		}
		if got := r.slots(seq)[(seq-1)%HistoryLimit]; got.content != fmt.Sprint(seq) {
			t.Errorf("message %d: its slot holds %+v", seq, got)
		}
	}
}

// A ring that is read back is of the size it would have grown to.
func TestRingRestore(t *testing.T) {
	for last := uint64(1); last <= 40; last++ {
		var grown, restored ring
		for seq := range last {
			grown = grown.put(seq, "user", fmt.Sprint(seq+1))
		}
		for at := last - min(last, HistoryLimit); at < last; at++ {
			restored = restored.restore(at, last, "user", fmt.Sprint(at+1))
		}
		want, got := grown.slots(last), restored.slots(last)
		for i := range want {
			if want[i] != got[i] {
				t.Errorf("after %d messages slot %d holds %+v: want %+v", last, i, got[i], want[i])
			}
		}
	}
}
