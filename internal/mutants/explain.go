package mutants

import (
	"fmt"
	"strings"
)

// Explanation says why verify does not convict a mutant.
type Explanation struct {
	Equivalent bool // nothing that the contract demands differs; otherwise verify does not see it, or not always
	Why        string
}

// Explanations reads explanations by the keys of the mutants. A line "equivalent: KEY" or "unseen: KEY" begins one; the lines after it,
// which begin with a tab, are the explanation of all keys directly above it. Empty lines and those that begin with # are ignored.
func Explanations(text string) (map[string]Explanation, error) {
	all := map[string]Explanation{}
	var keys []string // without an explanation so far
	explained := false
	for i, line := range strings.Split(text, "\n") {
		kind, key, _ := strings.Cut(line, ": ")
		_, twice := all[key]
		switch {
		case line == "", line[0] == '#':
		case line[0] == '\t' && len(keys) > 0:
			for _, key := range keys {
				e := all[key]
				e.Why = strings.TrimSpace(e.Why + " " + line[1:])
				all[key] = e
			}
			explained = true
		case (kind == "equivalent" || kind == "unseen") && !twice:
			if explained {
				keys, explained = nil, false
			}
			keys = append(keys, key)
			all[key] = Explanation{Equivalent: kind == "equivalent"}
		default:
			return nil, fmt.Errorf("line %d: %q: want equivalent: KEY or unseen: KEY, each key once, and the explanation after a tab", i+1, line)
		}
	}
	for key, e := range all {
		if e.Why == "" {
			return nil, fmt.Errorf("%q has no explanation", key)
		}
	}
	return all, nil
}
