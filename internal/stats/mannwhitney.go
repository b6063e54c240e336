package stats

import "slices"

// MannWhitney returns the two-sided P of the Mann-Whitney U test (Mann and Whitney, 1947): that of [Compare],
// except for series of different lengths with ties. There benchmath takes the wrong tail of an asymmetric distribution: for
// two twos before seven ones it returns 0, and the exact P is 1/18. Up to 25 values a series, where
// benchmath would be exact, P is counted instead; beyond it is the normal approximation. Verdicts use this function; columns that
// must equal benchstat's use Compare. Neither series may be empty.
func MannWhitney(before, after []float64) float64 {
	const exact = 25 // as in benchmath
	if len(before) == len(after) || max(len(before), len(after)) > exact || !tied(before, after) {
		return Compare(before, after).P
	}
	ranks, sum := doubledRanks(before, after)
	below, above, all := orders(ranks, len(before), sum)
	return min(1, 2*min(below, above)/all)
}

func tied(a, b []float64) bool {
	all := slices.Sorted(slices.Values(slices.Concat(a, b)))
	return len(slices.Compact(all)) < len(a)+len(b)
}

// doubledRanks returns twice the ranks of all values, the smallest first, those of equal ones being the mean of their places,
// and their sum over a.
func doubledRanks(a, b []float64) (ranks []int, sum int) {
	all := slices.Sorted(slices.Values(slices.Concat(a, b)))
	rank := map[float64]int{}
	for at := 0; at < len(all); {
		end := at
		for end < len(all) && all[end] == all[at] {
			end++
		}
		for range end - at {
			ranks = append(ranks, at+1+end) // the places at+1 to end
		}
		rank[all[at]] = at + 1 + end
		at = end
	}
	for _, x := range a {
		sum += rank[x]
	}
	return ranks, sum
}

// orders counts the ways to choose n of the ranks: those whose sum is not above the given one, those whose sum is not below
// it, and all. The counts stay below 2⁵³.
func orders(ranks []int, n, sum int) (below, above, all float64) {
	most := 0
	for _, r := range ranks {
		most += r
	}
	ways := make([][]float64, n+1) // by how many are chosen, and their sum
	for k := range ways {
		ways[k] = make([]float64, most+1)
	}
	ways[0][0] = 1
	for _, r := range ranks {
		for k := n; k > 0; k-- {
			for s := most; s >= r; s-- {
				ways[k][s] += ways[k-1][s-r]
			}
		}
	}
	for s, w := range ways[n] {
		if s <= sum {
			below += w
		}
		if s >= sum {
			above += w
		}
		all += w
	}
	return below, above, all
}
