package sheet

import "testing"

func TestFill(t *testing.T) {
	for _, tc := range []struct{ why, text, want string }{
		{"short", "a b c", "a b c"},
		{"a paragraph is set anew", "a\nb\nc", "a b c"},
		{"paragraphs stay apart", "a\n\nb", "a\n\nb"},
		{"long", "one two three four five six seven eight nine ten", "one two three four five six seven eight\nnine ten"},
		{"an item and what continues it", "  term  one two three\n        four five six seven eight", "  term  one two three four five six\n        seven eight"},
		{"items stay apart", "  a  one\n  b  two", "  a  one\n  b  two"},
		{"a wide gap is kept", "  a    one", "  a    one"},
		{"a long term has its text under it", "  a-very-long-term-indeed  one two three four five six seven", "  a-very-long-term-indeed\n      one two three four five six seven"},
		{"lines to be pasted", "do:\n\n\tone two three four five six seven eight nine ten eleven", "do:\n\n\tone two three four five six seven eight nine ten eleven"},
	} {
		if got := Fill(tc.text, 40); got != tc.want {
			t.Errorf("%s: %q: want %q", tc.why, got, tc.want)
		}
	}
}
