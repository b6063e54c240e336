package printable

import (
	"strings"
	"testing"
)

func TestLine(t *testing.T) {
	for _, test := range []struct{ why, text, want string }{
		{"plain text stays as it is", "python, one lock per session", "python, one lock per session"},
		{"other scripts stay", "Größe 漢字 שלום مرحبا", "Größe 漢字 שלום مرحبا"},
		{"emoji joined to one stay", "👩\u200d👧", "👩\u200d👧"},
		{"nothing", "", ""},
		{"a line end is a space", "a\nb\r\nc", "a b c"},
		{"line and paragraph separators are spaces", "a\u2028b\u2029c\u0085d", "a b c d"},
		{"white space at the ends goes, and runs of it are one space", " \t a \u00a0 b ", "a b"},
		{"a terminal's escape loses its control character", "\x1b[31mred\x1b[0m", "[31mred[0m"},
		{"C0, DEL and C1", "a\x00\x07\x08\x7f\u009bb", "ab"},
		{"directional overrides, embeddings, isolates and marks",
			"a\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061cb", "ab"},
		{"invisible characters", "a\u200b\u2060\ufeff\u00adb", "ab"},
		{"invalid UTF-8", "a\xffb", "a\ufffdb"},
		{"as long as is allowed", strings.Repeat("ä", 30), strings.Repeat("ä", 30)},
		{"longer is cut between characters", strings.Repeat("ä", 31), strings.Repeat("ä", 29) + "…"},
	} {
		if got := Line(test.text, 30); got != test.want {
			t.Errorf("%s: Line(%q) = %q, want %q", test.why, test.text, got, test.want)
		}
	}
}

func TestText(t *testing.T) {
	const text, want = "Traceback:\r\n\tline 1,  in f\n\x1b[1mbold\u202e\u0085end\n", "Traceback:\n\tline 1,  in f\n[1mbold end\n"
	if got := Text(text); got != want {
		t.Errorf("Text(%q) = %q, want %q", text, got, want)
	}
}
