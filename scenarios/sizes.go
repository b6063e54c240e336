package scenarios

import "math/rand/v2"

// Sizes is a distribution of sizes in bytes: points of its quantile function with shares increasing from 0 to 1, interpolated
// linearly.
type Sizes []Quantile

// Quantile is one point: a fraction Share of the sizes are at most Bytes.
type Quantile struct {
	Share float64
	Bytes int
}

// Messages are the message sizes of the Ubuntu IRC corpus (Kummerfeld et al., ACL 2019): p50 43, p90 125, p99 276, max 462 bytes.
var Messages = Sizes{{0, 1}, {0.5, 43}, {0.9, 125}, {0.99, 276}, {1, 462}}

// Max returns the largest size that can be drawn.
func (s Sizes) Max() int { return s[len(s)-1].Bytes }

func (s Sizes) draw(rng *rand.Rand) int {
	p := rng.Float64()
	for i := 1; i < len(s); i++ {
		if lo, hi := s[i-1], s[i]; p <= hi.Share {
			return lo.Bytes + int((p-lo.Share)/(hi.Share-lo.Share)*float64(hi.Bytes-lo.Bytes))
		}
	}
	return s.Max()
}
