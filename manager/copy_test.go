package manager

import (
	"fmt"
	"slices"
	"testing"
)

// sessionOf returns a session with n messages and a field.
func sessionOf(name string, n int) *Session {
	s := &Session{Incarnation: uint64(n), Touched: int64(n)}
	for i := range n {
		s.Append("user", fmt.Sprint(name, i))
	}
	s.SetFields(map[string]string{"name": name})
	return s
}

// Whatever the copy was before, it is then equal, and a change of one is none of the other.
func TestCopyTo(t *testing.T) {
	for from := range 2*HistoryLimit + 2 {
		for to := range 2*HistoryLimit + 2 {
			a, b := sessionOf("a", from), sessionOf("b", to)
			want := sessionOf("a", from)
			a.CopyTo(b)
			same := func(when string, got *Session) {
				t.Helper()
				if got.Seq != want.Seq || got.Version != want.Version || got.Incarnation != want.Incarnation || got.Touched != want.Touched ||
					got.Fields["name"] != "a" || !slices.Equal(got.History(nil), want.History(nil)) {
					t.Fatalf("%d messages copied over %d: %s %+v: want %+v", from, to, when, got, want)
				}
			}
			same("the copy is", b)
			for range HistoryLimit {
				b.Append("user", "another")
			}
			b.SetFields(map[string]string{"name": "b"})
			same("after changes of the copy the original is", a)
			a.CopyTo(b)
			for range HistoryLimit {
				a.Append("user", "another")
			}
			a.SetFields(map[string]string{"name": "b"})
			same("after changes of the original the copy is", b)
		}
	}
}

func TestCopyToReusesMemory(t *testing.T) {
	a, b := sessionOf("a", HistoryLimit), sessionOf("b", HistoryLimit)
	a.Fields = nil
	if n := testing.AllocsPerRun(100, func() { a.CopyTo(b) }); n != 0 {
		t.Errorf("a copy over a session of the same length takes %v allocations: want 0", n)
	}
}
