package outfile

import "strings"

// Name makes the name of a file of a text: it replaces what names of files cannot have everywhere, and cuts what is too long.
func Name(s string) string {
	const most = 200
	s = strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("._-=,", r) {
			return r
		}
		return '_'
	}, s)
	return s[max(0, len(s)-most):]
}
