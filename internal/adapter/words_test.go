package adapter

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
		{"nothing", "", nil},
		{"blanks alone", " \t ", nil},
		{"words", "python3 server.py --lock global", []string{"python3", "server.py", "--lock", "global"}},
		{"blanks around words", "  a \t b  ", []string{"a", "b"}},
		{"single quotes keep everything", `a 'b  "$c" \ *'`, []string{"a", `b  "$c" \ *`}},
		{"double quotes keep blanks", `a "b  c"`, []string{"a", "b  c"}},
		{"a backslash between double quotes is one, but before what it can quote", `"\a \" \\ \$"`, []string{`\a " \ $`}},
		{"a backslash quotes anything", `a\ b \$c \'`, []string{"a b", "$c", "'"}},
		{"empty words", `'' "" a''`, []string{"", "", "a"}},
		{"quotes inside a word", `--x='1 2'"3"\ 4`, []string{"--x=1 23 4"}},
		{"a line that goes on", "a\\\nb c\\\n d \"e\\\nf\"", []string{"ab", "c", "d", "ef"}},
		{"newlines in quotes", "'a\nb'", []string{"a\nb"}},
		{"a tilde or a number sign inside a word", "a~ b#c", []string{"a~", "b#c"}},
		{"an assignment that is an argument", "env A=1 b", []string{"env", "A=1", "b"}},
		{"what only looks like an assignment", "1=2 --x=3", []string{"1=2", "--x=3"}},
		{"letters beyond ASCII", "ü 'é'", []string{"ü", "é"}},
	} {
		got, err := split(test.command)
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%s: %q: %q, %v: want %q", test.why, test.command, got, err, test.want)
		}
	}
}

func TestSplitRefuses(t *testing.T) {
	for _, test := range []struct{ why, command, names string }{
		{"a variable", "echo $HOME", `at character 6: unquoted '$': no shell`},
		{"a command in a command", "a `b`", "unquoted '`'"},
		{"two commands", "a; b", `unquoted ';'`},
		{"a pipe", "a|b", `unquoted '|'`},
		{"in the background", "a &", `unquoted '&'`},
		{"from a file", "a <b", `unquoted '<'`},
		{"to a file", "a >b", `unquoted '>'`},
		{"a subshell", "(a)", `unquoted '('`},
		{"a line after another", "a\nb", `unquoted '\n'`},
		{"files by pattern", "ls *.py", `unquoted '*'`},
		{"a home directory", "a ~/b", `unquoted '~'`},
		{"a comment", "a #b", `unquoted '#'`},
		{"a variable in double quotes", `"$a"`, "between double quotes"},
		{"a command in double quotes", "\"`a`\"", "between double quotes"},
		{"an open single quote", "a 'b", "never closed"},
		{"an open double quote", `a "b`, "never closed"},
		{"a backslash at the end", `a\`, "nothing behind"},
		{"a variable for the command", "A=1 b", "env A=VALUE COMMAND"},
		{"a NUL byte", "a\x00b", "NUL"},
		{"a NUL byte in quotes", "'a\x00b'", "NUL"},
		{"a NUL byte in double quotes", "\"a\x00b\"", "NUL"},
		{"a NUL byte behind a backslash", "\\\x00", "NUL"},
	} {
		if got, err := split(test.command); err == nil || !strings.Contains(err.Error(), test.names) {
			t.Errorf("%s: %q: %q, %v: want an error with %q", test.why, test.command, got, err, test.names)
		}
	}
}

// What split makes of a command is what sh does, and join says it so that both understand it.
func FuzzSplit(f *testing.F) {
	for _, command := range []string{
		`a 'b c' "d \" \\ \a" e\ f ''`, "a\\\nb \"c\\\nd\"", "env A=1 --x='y z'", `\~ \# \* "*?["`, "a\tb  c", `'\' "'"`, "é\\é'é'", "x ! {}",
		"-n \r\v\f", "A\\=1", `""=1`, "=1", "'a'=1",
	} {
		f.Add(command)
	}
	sh, lookErr := exec.LookPath("sh")
	f.Fuzz(func(t *testing.T, command string) {
		words, err := split(command)
		if err != nil || len(words) == 0 {
			return
		}
		if again, err := split(join(words)); err != nil || !slices.Equal(again, words) {
			t.Errorf("%q is joined as %q, which is %q, %v", words, join(words), again, err)
		}
		if lookErr != nil {
			t.Skip("left out: no sh in PATH")
		}
		for _, written := range []string{command, join(words)} {
			out, err := exec.CommandContext(context.Background(), sh, "-c", `printf '%s\0' `+written).CombinedOutput()
			if want := strings.Join(words, "\x00") + "\x00"; err != nil || string(out) != want {
				t.Errorf("sh makes %q of %q, %v: we %q", out, written, err, want)
			}
		}
	})
}
