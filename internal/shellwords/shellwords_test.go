package shellwords

import (
	"context"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func TestSplit(t *testing.T) {
	for _, test := range []struct {
		why, command string
		want         []string
	}{
		{"empty", "", nil},
		{"only blanks", " \t ", nil},
		{"words", "python3 server.py --lock global", []string{"python3", "server.py", "--lock", "global"}},
		{"blanks around words", "  a \t b  ", []string{"a", "b"}},
		{"newlines separate words", "a\nb", []string{"a", "b"}},
		{"single quotes keep everything", `a 'b  "$c" \ *'`, []string{"a", `b  "$c" \ *`}},
		{"double quotes keep blanks", `a "b  c"`, []string{"a", "b  c"}},
		{"backslash between double quotes", `"\a \" \\ \$"`, []string{`\a " \ $`}},
		{"backslash outside quotes", `a\ b \$c \'`, []string{"a b", "$c", "'"}},
		{"empty words", `'' "" a''`, []string{"", "", "a"}},
		{"quotes inside a word", `--x='1 2'"3"\ 4`, []string{"--x=1 23 4"}},
		{"continued line", "a\\\nb c\\\n d \"e\\\nf\"", []string{"ab", "c", "d", "ef"}},
		{"newline in quotes", "'a\nb'", []string{"a\nb"}},
		{"tilde and number sign inside a word", "a~ b#c", []string{"a~", "b#c"}},
		{"comment", "a #b", []string{"a"}},
		{"assignment as an argument", "env A=1 b", []string{"env", "A=1", "b"}},
		{"only similar to an assignment", "1=2 --x=3", []string{"1=2", "--x=3"}},
		{"letters beyond ASCII", "ü 'é'", []string{"ü", "é"}},
	} {
		got, err := Split(test.command)
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%s: %q: %q, %v: want %q", test.why, test.command, got, err, test.want)
		}
	}
}

func TestSplitRejects(t *testing.T) {
	for _, test := range []struct{ why, command, message string }{
		{"variable", "echo $HOME", "word at character 6: unquoted $ or `: no shell"},
		{"command substitution", "a `b`", "unquoted $ or `"},
		{"two commands", "a; b", "at character 2: `;`"},
		{"pipe", "a|b", "`|`"},
		{"background", "a &", "`&`"},
		{"input redirection", "a <b", "`<`"},
		{"output redirection", "a >b", "`>`"},
		{"subshell", "(a)", "`(`"},
		{"pattern", "ls *.py", "unquoted *"},
		{"home directory", "a ~/b", "unquoted ~"},
		{"variable in double quotes", `"$a"`, "unquoted $"},
		{"command substitution in double quotes", "\"`a`\"", "unquoted $ or `"},
		{"open single quote", "a 'b", "without closing quote `'`"},
		{"open double quote", `a "b`, "without closing quote `\"`"},
		{"backslash at the end", `a\`, `\ at the end`},
		{"assignment before the command", "A=1 b", "env A=VALUE COMMAND"},
		{"NUL byte", "a\x00b", "NUL"},
		{"NUL byte in quotes", "'a\x00b'", "NUL"},
		{"carriage return", "a\r\nb", "carriage return"},
	} {
		if got, err := Split(test.command); err == nil || !strings.Contains(err.Error(), test.message) {
			t.Errorf("%s: %q: %q, %v: want an error with %q", test.why, test.command, got, err, test.message)
		}
	}
}

// FuzzSplit compares Split with sh, and checks that both read what Join writes.
func FuzzSplit(f *testing.F) {
	for _, command := range []string{
		`a 'b c' "d \" \\ \a" e\ f ''`, "a\\\nb \"c\\\nd\"", "env A=1 --x='y z'", `\~ \# \* "*?["`, "a\tb  c", `'\' "'"`, "é\\é'é'", "x ! {}",
		"-n \v\f", "A\\=1", `""=1`, "=1", "'a'=1",
	} {
		f.Add(command)
	}
	sh, lookErr := exec.LookPath("sh")
	f.Fuzz(func(t *testing.T, command string) {
		words, err := Split(command)
		if err != nil || len(words) == 0 {
			return
		}
		if again, err := Split(Join(words)); err != nil || !slices.Equal(again, words) {
			t.Errorf("%q is joined as %q, which is split into %q, %v", words, Join(words), again, err)
		}
		if lookErr != nil {
			t.Skip("no sh in PATH")
		}
		for _, written := range []string{command, Join(words)} {
			if strings.Contains(strings.ReplaceAll(written, "\\\n", ""), "\n") {
				continue // sh takes the second line for another command
			}
			out, err := exec.CommandContext(context.Background(), sh, "-c", `printf '%s\0' `+written).CombinedOutput()
			if want := strings.Join(words, "\x00") + "\x00"; err != nil || string(out) != want {
				t.Errorf("%q: sh splits it into %q, %v: want %q", written, out, err, want)
			}
		}
	})
}
