package shellwords

import (
	"errors"
	"fmt"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// Split splits a command into words as a POSIX shell does: blanks and newlines separate words, quotes and
// backslashes are removed, a comment is ignored. No shell runs the command, so anything that a shell would expand
// or run (variables, patterns, pipes) is an error unless it is quoted.
func Split(command string) (words []string, err error) {
	if strings.ContainsAny(command, "\x00\r") { // the parser drops them
		return nil, errors.New("NUL byte or carriage return in the command")
	}
	parser := syntax.NewParser(syntax.Variant(syntax.LangPOSIX))
	for w, err := range parser.WordsSeq(strings.NewReader(command)) {
		if parse, ok := errors.AsType[syntax.ParseError](err); ok {
			return nil, fmt.Errorf("at character %d: %w", parse.Pos.Offset()+1, noShell(parse.Text))
		}
		if err != nil {
			return nil, err
		}
		word, err := unquote(w.Parts, false)
		if err != nil {
			return nil, fmt.Errorf("word at character %d: %w", w.Pos().Offset()+1, err)
		}
		if name, _, ok := strings.Cut(w.Lit(), "="); ok && len(words) == 0 && syntax.ValidName(name) {
			return nil, noShell(fmt.Sprintf("%s= before the command: write env %[1]s=VALUE COMMAND", name))
		}
		words = append(words, word)
	}
	return words, nil
}

func noShell(problem string) error {
	return fmt.Errorf("%s: no shell is involved: quote special characters, or start a shell with sh -c '...'", problem)
}

// unquote returns the text of a word's parts without quotes. The parser has removed continued lines.
func unquote(parts []syntax.WordPart, doubleQuoted bool) (string, error) {
	var b strings.Builder
	for i, part := range parts {
		switch p := part.(type) {
		case *syntax.Lit:
			if !doubleQuoted && i == 0 && strings.HasPrefix(p.Value, "~") {
				return "", noShell("unquoted ~ at the start of a word")
			}
			if err := unescape(&b, p.Value, doubleQuoted); err != nil {
				return "", err
			}
		case *syntax.SglQuoted:
			b.WriteString(p.Value)
		case *syntax.DblQuoted:
			text, err := unquote(p.Parts, true)
			if err != nil {
				return "", err
			}
			b.WriteString(text)
		default:
			return "", noShell("unquoted $ or `")
		}
	}
	return b.String(), nil
}

// unescape appends a literal without its backslashes. Between double quotes a backslash escapes only what would be
// special there.
func unescape(b *strings.Builder, text string, doubleQuoted bool) error {
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text) && (!doubleQuoted || strings.IndexByte("$`\"\\", text[i+1]) >= 0):
			i++
		case c == '\\' && !doubleQuoted:
			return noShell(`\ at the end of the command`)
		case !doubleQuoted && strings.IndexByte("*?[", c) >= 0:
			return noShell(fmt.Sprintf("unquoted %c", c))
		}
		b.WriteByte(text[i])
	}
	return nil
}

// Join returns a command that [Split] and a POSIX shell split into these words.
func Join(words []string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = quoteWord(word, i == 0)
	}
	return strings.Join(quoted, " ")
}

// quoteWord quotes a word where that is necessary. The = of an option is safe, that of a leading NAME=VALUE is not.
func quoteWord(word string, first bool) string {
	special := func(r rune) bool {
		alphanumeric := '0' <= r && r <= '9' || 'a' <= r|0x20 && r|0x20 <= 'z' && r < 0x80
		return !alphanumeric && !strings.ContainsRune("_-+./:,@%^", r) && (r != '=' || first)
	}
	if word != "" && !strings.ContainsFunc(word, special) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
