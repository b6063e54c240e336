package duet

import "math/rand/v2"

// orders returns an order of n arms for each block. Up to three arms go through all their orders, shuffled anew each time,
// so that after every n! blocks each arm has been equally often in each place and after each other arm. With more arms the
// order of each block is random.
func orders(rng *rand.Rand, n, blocks int) (list [][]int) {
	const few = 3
	for len(list) < blocks {
		if n > few {
			list = append(list, rng.Perm(n))
			continue
		}
		round := permutations(n)
		rng.Shuffle(len(round), func(i, j int) { round[i], round[j] = round[j], round[i] })
		list = append(list, round...)
	}
	return list[:blocks]
}

// permutations returns all permutations of 0..n-1.
func permutations(n int) [][]int {
	if n == 0 {
		return [][]int{{}}
	}
	var all [][]int
	for _, shorter := range permutations(n - 1) {
		for at := range n {
			order := append(append(append([]int{}, shorter[:at]...), n-1), shorter[at:]...)
			all = append(all, order)
		}
	}
	return all
}
