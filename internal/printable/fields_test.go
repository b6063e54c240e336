package printable

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestFields(t *testing.T) {
	type inner struct{ Name string }
	type outer struct {
		Name   string
		When   time.Time
		N      int
		Inner  *inner
		None   *inner
		List   []inner
		Fixed  [1]string
		Values map[string]string
		Nested map[string]inner
		hidden string
	}
	when := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	v := outer{"a\x1b[1m\u202eb", when, 7, &inner{"c\x00"}, nil, []inner{{"d\u2066"}, {"plain"}}, [1]string{"e\x07"},
		map[string]string{"f\u200e": "g\x7f", "h": "i"}, map[string]inner{"j": {"k\ufeff"}}, "l\x00"}
	Fields(&v)
	want := outer{"a[1mb", when, 7, &inner{"c"}, nil, []inner{{"d"}, {"plain"}}, [1]string{"e"},
		map[string]string{"f": "g", "h": "i"}, map[string]inner{"j": {"k"}}, "l\x00"}
	if diff := cmp.Diff(want, v, cmp.AllowUnexported(outer{})); diff != "" {
		t.Error(diff)
	}
}
