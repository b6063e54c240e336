package history

import "testing"

func TestOverlapped(t *testing.T) {
	op := func(user int32, call, ret int64) Op { return Op{User: user, Call: call, Return: ret} }
	tests := []struct {
		why string
		ops []Op

		want, contested int
	}{
		{"nothing", nil, 0, 0},
		{"one after the other", []Op{op(0, 0, 1), op(1, 2, 3), op(0, 4, 5)}, 0, 3},
		{"ends that touch overlap, since the intervals are closed", []Op{op(0, 0, 2), op(1, 2, 3)}, 2, 2},
		{"a user's own operations are no company, and contest nothing", []Op{op(0, 0, 9), op(0, 1, 2)}, 0, 0},
		{"one long operation overlaps all the others", []Op{op(0, 0, 9), op(1, 1, 2), op(1, 3, 4), op(2, 20, 21)}, 3, 4},
	}
	for _, test := range tests {
		contested, got := overlapped(&History{Ops: test.ops})
		if got != test.want || contested != test.contested {
			t.Errorf("%s: %d of %d operations, want %d of %d", test.why, got, contested, test.want, test.contested)
		}
	}
}
