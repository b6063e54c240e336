package reports

import (
	"bytes"
	"strings"
	"testing"

	"github.com/sessbench/sessbench/strategies"
)

// TestListIsReadableWhenNarrow: sentences are wrapped beside the table where there is room, otherwise below it.
func TestListIsReadableWhenNarrow(t *testing.T) {
	noop, _ := strategies.Lookup("noop")
	l := NewListing(strategies.All(), nil, []*strategies.Strategy{noop}, []ListedFlaw{{Name: "torn", How: "a read sees the half of an update that is being made"}})
	for _, columns := range []int{80, 100, 200} {
		var out bytes.Buffer
		if err := listingPage(l, Options{}).WriteText(&out, Options{Width: columns}); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(out.String()) {
			if n := len([]rune(strings.TrimRight(line, "\n"))); n > columns {
				t.Errorf("%d characters on a screen of %d: %s", n, columns, line)
			}
		}
		if !strings.Contains(strings.Join(strings.Fields(out.String()), " "), "one mutex around everything") {
			t.Errorf("no sentence for global at %d columns", columns)
		}
	}
}
