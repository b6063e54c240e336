package distributed

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// DifferentError reports settings that differ from those of the participants that have joined.
type DifferentError struct {
	RunID       string
	Differences []Difference // by name
}

// Difference is a setting with different values. Empty: it is not set.
type Difference struct{ Name, Here, There string }

func (e *DifferentError) Error() string {
	var list []string
	for _, d := range e.Differences {
		list = append(list, fmt.Sprintf("%s is %s here and %s there", d.Name, shown(d.Here), shown(d.There)))
	}
	return fmt.Sprintf("run %s: settings differ from those of the other participants: %s", e.RunID, strings.Join(list, "; "))
}

func shown(value string) string {
	if value == "" {
		return "not set"
	}
	return value
}

// differences compares the settings of two participants.
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
