package cmd

import "slices"

// mapped returns the results of f for the elements of a list, nil for none.
func mapped[T, R any](list []T, f func(T) R) (results []R) {
	for _, x := range list {
		results = append(results, f(x))
	}
	return results
}

// distinct returns a list without repeated elements.
func distinct[T comparable](list []T) (once []T) {
	for _, x := range list {
		if !slices.Contains(once, x) {
			once = append(once, x)
		}
	}
	return once
}
