package duet

import "math/rand/v2"

// orders returns the order of n arms for each of some blocks. Up to three arms go through all their orders, shuffled anew
// each time round, so that after every n! blocks each arm has stood as often in each place, and behind each other
// one. With more each block has a random order.
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

// permutations returns all orders of n things.
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
