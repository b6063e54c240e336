package adapter

import (
	"errors"
	"fmt"
	"strings"
)

// split cuts a command into words as a POSIX shell does (IEEE Std 1003.1, Shell Command Language, 2.2 and 2.3), for there is
// none: what a shell would expand, or would take for more than a word, is an error unless it is quoted.
func split(command string) ([]string, error) {
	var s splitter
	for i := 0; i < len(command); {
		n, err := s.take(command[i:])
		if err != nil {
			return nil, fmt.Errorf("at character %d: %w", i+1, err)
		}
		i += n
	}
	s.end()
	return s.words, nil
}

// splitter is how far a command was read.
type splitter struct {
	words  []string
	word   strings.Builder
	inWord bool // also when it is still empty, as "" is
	quoted bool // some of the word was
}

// blanks end a word. active is what a shell would not take as it is, wherever it stands; atStart, only where a word begins.
const (
	blanks  = " \t"
	active  = "$`;|&<>()*?[\n\x00"
	atStart = "~#"
)

// take reads the next character, or all of a quotation, and tells how long it was.
func (s *splitter) take(rest string) (int, error) {
	c := rest[0]
	switch {
	case strings.IndexByte(blanks, c) >= 0:
		s.end()
		return 1, nil
	case c == '\'':
		return s.singleQuotes(rest)
	case c == '"':
		return s.doubleQuotes(rest)
	case c == '\\':
		return s.backslash(rest)
	case strings.IndexByte(active, c) >= 0, !s.inWord && strings.IndexByte(atStart, c) >= 0:
		return 0, noShell(c)
	case c == '=' && len(s.words) == 0 && !s.quoted && isName(s.word.String()):
		return 0, fmt.Errorf("%s= before the command: no shell is involved: say env %[1]s=VALUE COMMAND", s.word.String())
	}
	s.add(rest[:1])
	return 1, nil
}

func noShell(c byte) error {
	if c == 0 {
		return errors.New("a NUL byte: no command can have one")
	}
	return fmt.Errorf("unquoted %q: no shell is involved: quote it ('%c') or start one yourself (sh -c '...')", c, c)
}

func (s *splitter) add(text string) {
	s.word.WriteString(text)
	s.inWord = true
}

func (s *splitter) end() {
	if s.inWord {
		s.words = append(s.words, s.word.String())
	}
	s.word.Reset()
	s.inWord, s.quoted = false, false
}

func (s *splitter) singleQuotes(rest string) (int, error) {
	inside, _, closed := strings.Cut(rest[1:], "'")
	switch {
	case !closed:
		return 0, errors.New("a ' that is never closed")
	case strings.IndexByte(inside, 0) >= 0:
		return 0, noShell(0)
	}
	s.quoted = true
	s.add(inside)
	return len(inside) + 2, nil
}

// doubleQuotes: a backslash quotes only what would be special between them.
func (s *splitter) doubleQuotes(rest string) (int, error) {
	s.quoted = true
	s.add("")
	for i := 1; i < len(rest); i++ {
		switch c := rest[i]; {
		case c == '"':
			return i + 1, nil
		case c == '$', c == '`':
			return 0, fmt.Errorf("%q between double quotes: no shell is involved: use single quotes, or \\%[1]c", c)
		case c == 0:
			return 0, noShell(0)
		case c == '\\' && i+1 < len(rest) && strings.IndexByte("$`\"\\\n", rest[i+1]) >= 0:
			i++
			if rest[i] != '\n' { // a line that goes on
				s.add(rest[i : i+1])
			}
		default:
			s.add(rest[i : i+1])
		}
	}
	return 0, errors.New(`a " that is never closed`)
}

func (s *splitter) backslash(rest string) (int, error) {
	switch {
	case len(rest) == 1:
		return 0, errors.New(`a \ with nothing behind it`)
	case rest[1] == 0:
		return 0, noShell(0)
	case rest[1] == '\n': // a line that goes on
		return 2, nil
	}
	s.quoted = true
	s.add(rest[1:2])
	return 2, nil
}

// isName reports whether a shell would take NAME= for an assignment.
func isName(word string) bool {
	for i, c := range []byte(word) {
		letter := c == '_' || 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return word != ""
}

// plain are the characters that a word may have without being quoted, besides letters and digits.
const plain = "_-+./:,@%^"

// join is a command of which [split] makes these words.
func join(words []string) string {
	var b strings.Builder
	for i, word := range words {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(quote(word, i == 0))
	}
	return b.String()
}

// quote writes a word so that a shell, too, would take it for that. The = of an option needs no quotes.
func quote(word string, first bool) string {
	special := func(r rune) bool {
		alnum := '0' <= r && r <= '9' || 'a' <= r|0x20 && r|0x20 <= 'z' && r < 0x80
		return !alnum && !strings.ContainsRune(plain, r) && (r != '=' || first)
	}
	if word != "" && strings.IndexFunc(word, special) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
