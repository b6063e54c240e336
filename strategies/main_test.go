package strategies

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// settings is what a strategy is tested with: its defaults, and those settings that make it lock in another way.
func settings(s *Strategy) []map[string]string {
	extra := map[string][]map[string]string{
		"actor":   {{"per": "session"}},
		"sharded": {{"shards": "1"}}, // every session shares its lock with every other
	}
	return append([]map[string]string{nil}, extra[s.Name]...)
}

// label names a subtest: actor, or actor:per=session.
func label(s *Strategy, given map[string]string) string {
	parts := []string{}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		parts = append(parts, name+"="+given[name])
	}
	if len(parts) == 0 {
		return s.Name
	}
	return s.Name + ":" + strings.Join(parts, ",")
}

// Probe is a session that counts.
type Probe struct{ N int64 }
