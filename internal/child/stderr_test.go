package child

import "testing"

func TestLastLine(t *testing.T) {
	for _, row := range []struct {
		why, text string
		want      int
	}{
		{"the first line", "panic: a\nx\n", 0},
		{"the last of several", "panic: a\nx\nfatal error: b\ny", 11},
		{"not within a line", "a panic: b\n", -1},
		{"an empty text", "", -1},
	} {
		if got := LastLine(row.text, "panic: ", "fatal error: "); got != row.want {
			t.Errorf("%s: %d, want %d", row.why, got, row.want)
		}
	}
}

func TestComplaint(t *testing.T) {
	for stderr, want := range map[string]string{
		"":                                    "no error message",
		"sessbench: a\nsessbench: b\nother\n": "b",
	} {
		if got := Complaint(stderr); got != want {
			t.Errorf("stderr %q: %q, want %q", stderr, got, want)
		}
	}
}
