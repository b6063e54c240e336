package adapter

import "testing"

func TestSaid(t *testing.T) {
	for _, test := range []struct {
		why, want string
		writes    []string
	}{
		{"nothing", "", nil},
		{"little", "abc", []string{"a", "bc"}},
		{"more than one end holds", "abcdefg", []string{"abcdef", "g"}},
		{"as much as is kept", "abcdefgh", []string{"abcdefgh"}},
		{"the middle is left out", "abcd\n…\ngh12", []string{"abc", "defgh", "12"}},
		{"much at once", "abcd\n…\nwxyz", []string{"abcdefghijklmnopqrstuvwxyz"}},
	} {
		s := said{size: 4}
		for _, w := range test.writes {
			if n, err := s.Write([]byte(w)); n != len(w) || err != nil {
				t.Errorf("%s: %d, %v", test.why, n, err)
			}
		}
		if got := s.String(); got != test.want {
			t.Errorf("%s: %q, want %q", test.why, got, test.want)
		}
	}
}
