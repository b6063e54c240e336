package scenarios

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sort"
	"strconv"
	"strings"
)

// Keys is the distribution of visits over sessions. The zero value is uniform.
type Keys struct {
	Zipf     float64 // popularity of the session of rank k is proportional to k^-Zipf; 0: uniform
	Fraction float64 // with Share: this fraction of the sessions gets Share of the visits
	Share    float64
}

// ParseKeys reads "uniform", "zipf:S" with S from 0 to 4, or "hot:FRACTION:SHARE" with both between 0 and 1.
func ParseKeys(text string) (Keys, error) {
	k, err := parseKeys(text)
	if err != nil {
		err = fmt.Errorf("%q: %w", text, err)
	}
	return k, err
}

// parseKeys is ParseKeys with an error that does not name text.
func parseKeys(text string) (Keys, error) {
	kind, rest, _ := strings.Cut(text, ":")
	switch kind {
	case "uniform":
		if rest == "" && !strings.Contains(text, ":") {
			return Keys{}, nil
		}
	case "zipf":
		if s, err := strconv.ParseFloat(rest, 64); err == nil && s >= 0 && s <= 4 {
			return Keys{Zipf: s}, nil
		}
	case "hot":
		fraction, share, _ := strings.Cut(rest, ":")
		f, ferr := strconv.ParseFloat(fraction, 64)
		s, serr := strconv.ParseFloat(share, 64)
		if ferr == nil && serr == nil && f > 0 && f < 1 && s > 0 && s < 1 {
			return Keys{Fraction: f, Share: s}, nil
		}
	}
	return Keys{}, errors.New("want uniform, zipf:S (S from 0 to 4) or hot:FRACTION:SHARE (both between 0 and 1)")
}

// String returns the form that ParseKeys reads.
func (k Keys) String() string {
	switch {
	case k.Share > 0:
		return fmt.Sprintf("hot:%g:%g", k.Fraction, k.Share)
	case k.Zipf > 0:
		return fmt.Sprintf("zipf:%g", k.Zipf)
	default:
		return "uniform"
	}
}

// sampler returns a function that draws one of n slots; slot 0 is the most popular.
func (k Keys) sampler(n int, rng *rand.Rand) func() uint32 {
	switch {
	case k.Share > 0 && n > 1:
		hot := min(max(1, int(math.Round(k.Fraction*float64(n)))), n-1)
		return func() uint32 {
			if rng.Float64() < k.Share {
				return uint32(rng.IntN(hot))
			}
			return uint32(hot + rng.IntN(n-hot))
		}
	case k.Zipf > 0:
		// math/rand's Zipf needs an exponent above 1, and sessions have less: invert the exact cumulative sum.
		cumulative := make([]float64, n)
		total := 0.0
		for i := range cumulative {
			total += math.Pow(float64(i+1), -k.Zipf)
			cumulative[i] = total
		}
		return func() uint32 { return uint32(min(n-1, sort.SearchFloat64s(cumulative, rng.Float64()*total))) }
	default:
		return func() uint32 { return uint32(rng.IntN(n)) }
	}
}
