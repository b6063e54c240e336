package scenarios

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// Mix is a set of operations with weights.
type Mix []Weighted

// Weighted is an operation with its relative frequency in a mix.
type Weighted struct {
	Op     Op
	Weight int
}

// ParseMix reads "append=2,history=1". Only the legal operations may be named, each once, with weights from 1 to 10⁶.
func ParseMix(text string, legal []Op) (Mix, error) {
	mix, err := parseMix(text, legal)
	if err != nil {
		err = fmt.Errorf("%q: %w", text, err)
	}
	return mix, err
}

// parseMix is ParseMix with an error that does not name text.
func parseMix(text string, legal []Op) (Mix, error) {
	var mix Mix
	for part := range strings.SplitSeq(text, ",") {
		name, weight, _ := strings.Cut(part, "=")
		op, err := ParseOp(name)
		n, werr := strconv.Atoi(weight)
		if err != nil || !slices.Contains(legal, op) || werr != nil || n < 1 || n > 1e6 || mix.Weight(op) > 0 {
			return nil, fmt.Errorf("%q: want OPERATION=WEIGHT, weights from 1 to 1000000, each operation once, of %s", part, opList(legal))
		}
		mix = append(mix, Weighted{op, n})
	}
	return mix, nil
}

// ops returns the operations in the mix.
func (m Mix) ops() (ops []Op) {
	for _, w := range m {
		ops = append(ops, w.Op)
	}
	return ops
}

// Weight returns the weight of op, 0 if it is not in the mix.
func (m Mix) Weight(op Op) int {
	for _, w := range m {
		if w.Op == op {
			return w.Weight
		}
	}
	return 0
}

// String returns the form that ParseMix reads.
func (m Mix) String() string {
	parts := make([]string, len(m))
	for i, w := range m {
		parts[i] = fmt.Sprintf("%s=%d", w.Op, w.Weight)
	}
	return strings.Join(parts, ",")
}

func (m Mix) draw(rng *rand.Rand) Op {
	total := 0
	for _, w := range m {
		total += w.Weight
	}
	n := rng.IntN(total)
	for _, w := range m {
		if n -= w.Weight; n < 0 {
			return w.Op
		}
	}
	panic("unreachable: weights are positive")
}

func opList(ops []Op) string {
	names := make([]string, len(ops))
	for i, op := range ops {
		names[i] = op.String()
	}
	return strings.Join(names, ", ")
}
