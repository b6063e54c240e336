package reports

import (
	"slices"
	"strings"

	"github.com/sessbench/sessbench/reports/result"
)

// unseenLine states which errors the audits of a document cannot have detected, given its
// operations, or is "".
func unseenLine(d *result.Document) string {
	removing, reading := []string{"delete", "sweep"}, []string{"history", "read", "validate"}
	all := sections(d)
	var kept, read []string // scenarios in which no session was removed, and with reads that were not checked
	for _, s := range all {
		ops := s.auditedOperations()
		if len(ops) == 0 {
			continue
		}
		if !containsAny(ops, removing) {
			kept = append(kept, s.scenario)
		}
		if d.Config.Record == 0 && containsAny(ops, reading) {
			read = append(read, s.scenario)
		}
	}
	in := func(names []string) string {
		if len(names) == len(all) {
			return ""
		}
		return " in " + and(names)
	}
	var parts []string
	if kept != nil {
		parts = append(parts, "errors in removing sessions, since none was removed"+in(kept))
	}
	if read != nil {
		parts = append(parts, "wrong results of reads"+in(read)+", which are checked only with --record")
	}
	if parts == nil {
		return ""
	}
	return "not covered by the audit: " + strings.Join(parts, "; ") + ". sessbench verify checks these."
}

// auditedOperations are the names of the operations in the section's audited trials.
func (s *section) auditedOperations() (names []string) {
	for _, r := range s.results {
		for i := range r.Trials {
			if r.Trials[i].Audit.Skipped {
				continue
			}
			for name := range r.Trials[i].Operations {
				name = strings.TrimSuffix(name, "_during_sweep")
				if !slices.Contains(names, name) {
					names = append(names, name)
				}
			}
		}
	}
	return names
}

func containsAny(names, some []string) bool {
	return slices.ContainsFunc(some, func(name string) bool { return slices.Contains(names, name) })
}
