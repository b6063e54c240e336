package scenarios

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// The sizes drawn have the quantiles of the recorded ones that they stand for.
func TestMessagesQuantiles(t *testing.T) {
	const n = 200_000
	rng := rand.New(rand.NewPCG(1, 2))
	sizes := make([]int, n)
	for i := range sizes {
		sizes[i] = Messages.draw(rng)
	}
	slices.Sort(sizes)
	for _, test := range []struct {
		name  string
		share float64
		want  int
	}{
		{"p50", 0.5, 43},
		{"p90", 0.9, 125},
		{"p99", 0.99, 276},
		{"max", 1, 462},
	} {
		got := sizes[int(test.share*(n-1))]
		if math.Abs(float64(got-test.want)) > 0.03*float64(test.want) {
			t.Errorf("%s is %d bytes: want %d within 3%%", test.name, got, test.want)
		}
	}
	if sizes[0] < 1 || sizes[n-1] > Messages.Max() {
		t.Errorf("sizes from %d to %d bytes: want them from 1 to %d", sizes[0], sizes[n-1], Messages.Max())
	}
}

func TestSizesDrawStaysBetweenItsPoints(t *testing.T) {
	for _, sizes := range []Sizes{Messages, {{0, 7}, {1, 7}}, {{0, 0}, {0.5, 0}, {1, 10}}} {
		rng := rand.New(rand.NewPCG(3, 4))
		for range 10_000 {
			if got := sizes.draw(rng); got < sizes[0].Bytes || got > sizes.Max() {
				t.Fatalf("%v: drew %d", sizes, got)
			}
		}
	}
}
