package conformance

import (
	"bytes"
	"strings"
	"testing"

	"github.com/sessbench/sessbench/internal/sheet"
)

// TestConformanceIsReadableWhenNarrow: only requests and responses are wider than the screen.
func TestConformanceIsReadableWhenNarrow(t *testing.T) {
	r := &Report{Name: "mine", Checks: []Check{
		{Name: "operations that hello does not list are unsupported", Outcome: Pass, Note: strings.Repeat("word ", 20)},
		{Name: "hello", Section: "hello", Outcome: Fail, Sent: "a", Got: "b\nc", Want: "d"},
	}}
	for _, columns := range []int{0, 100, 200} {
		var out bytes.Buffer
		if err := r.Page().WriteText(&out, sheet.Options{Width: columns}); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(out.String()) {
			if n := len([]rune(strings.TrimRight(line, "\n"))); columns > 0 && n > columns {
				t.Errorf("%d characters on a screen of %d: %s", n, columns, line)
			}
		}
		want := "\n✗ hello (docs/adapter-protocol.md#hello)\n  sent  a\n  got   b\n        c\n  want  d\n\nmine: 1 check passed, 1 failed, 0 skipped\n"
		if !strings.HasSuffix(out.String(), want) {
			t.Errorf("%s: want it to end with %s", out.String(), want)
		}
	}
}
