package distributed

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// DifferentError says that this participant was asked for something else than those that are there already.
type DifferentError struct {
	RunID       string
	Differences []Difference // by name
}

// Difference is a setting that is not the same everywhere. Empty: it is not set.
type Difference struct{ Name, Here, There string }

func (e *DifferentError) Error() string {
	var list []string
	for _, d := range e.Differences {
		list = append(list, fmt.Sprintf("%s is %s here and %s there", d.Name, shown(d.Here), shown(d.There)))
	}
	return fmt.Sprintf("run %s: not what the others run: %s", e.RunID, strings.Join(list, "; "))
}

func shown(value string) string {
	if value == "" {
		return "not set"
	}
	return value
}

// differences compares two participants' settings.
func differences(here, there map[string]string) (list []Difference) {
	names := maps.Clone(here)
	maps.Copy(names, there)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if here[name] != there[name] {
			list = append(list, Difference{name, here[name], there[name]})
		}
	}
	return list
}
