package scenarios

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseMix(t *testing.T) {
	legal := []Op{History, Append, Touch}
	for _, test := range []struct {
		why, text string
		want      Mix
	}{
		{"one operation", "append=1", Mix{{Append, 1}}},
		{"two, in the order given", "history=19,append=1", Mix{{History, 19}, {Append, 1}}},
		{"the largest weight", "touch=1000000", Mix{{Touch, 1_000_000}}},
	} {
		got, err := ParseMix(test.text, legal)
		if err != nil {
			t.Errorf("%s: %v", test.why, err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.why, diff)
		}
		if got.String() != test.text {
			t.Errorf("%s: String is %q, want %q", test.why, got, test.text)
		}
	}
	for _, test := range []struct{ why, text, part string }{
		{"nothing", "", ""},
		{"no weight", "append", "append"},
		{"an empty weight", "append=", "append="},
		{"weight zero is not to be named", "append=0", "append=0"},
		{"a weight below zero", "history=1,append=-1", "append=-1"},
		{"a weight beyond the largest", "append=1000001", "append=1000001"},
		{"a weight that is no whole number", "append=0.5", "append=0.5"},
		{"two weights", "append=1=2", "append=1=2"},
		{"the same operation twice", "append=1,history=1,append=2", "append=2"},
		{"an unknown operation", "apend=1", "apend=1"},
		{"an operation that this scenario has no use for", "delete=1", "delete=1"},
		{"an end that is missing", "append=1,", ""},
		{"spaces are not dropped", "append=1, history=1", " history=1"},
	} {
		got, err := ParseMix(test.text, legal)
		if err == nil {
			t.Errorf("%s: %q was read as %v", test.why, test.text, got)
			continue
		}
		for _, part := range []string{`"` + test.text + `"`, `"` + test.part + `"`, "1 to 1000000", "history, append, touch"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: error %q does not name %s", test.why, err, part)
			}
		}
	}
}

func TestMixDraw(t *testing.T) {
	const n = 100_000
	mix := Mix{{History, 19}, {Append, 1}, {Touch, 5}}
	rng := rand.New(rand.NewPCG(1, 2))
	counts := [NumOps]int{}
	for range n {
		counts[mix.draw(rng)]++
	}
	for op, got := range counts {
		want := float64(mix.Weight(Op(op))) / 25
		if math.Abs(float64(got)/n-want) > 0.01 {
			t.Errorf("%v was drawn in %.3f of the cases: want %.3f", Op(op), float64(got)/n, want)
		}
	}
}
