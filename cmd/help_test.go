package cmd

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// TestHelpFitsTheScreen: no line of a command's help is wider than the screen, except examples and single words.
func TestHelpFitsTheScreen(t *testing.T) {
	for _, columns := range []int{80, 132} {
		t.Setenv("COLUMNS", fmt.Sprint(columns))
		var out bytes.Buffer
		root := newRootCmd(newApp([]Option{WithArgs(), WithIO(nil, &out, nil)}))
		var commands []*cobra.Command
		var collect func(*cobra.Command)
		collect = func(c *cobra.Command) {
			commands = append(commands, c)
			for _, sub := range c.Commands() {
				collect(sub)
			}
		}
		collect(root)
		for _, c := range commands {
			if c.Parent() != nil && c.Parent().Name() == "completion" {
				continue // cobra's own, of lines to be pasted
			}
			out.Reset()
			if err := c.Help(); err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(strings.Replace(out.String(), c.Example, "", 1)) {
				line = strings.TrimRight(line, "\n")
				oneWord := !strings.Contains(strings.TrimSpace(line), " ")
				if n := utf8.RuneCountInString(line); n > columns && !oneWord {
					t.Errorf("%s --help has %d characters on a screen of %d: %s", c.CommandPath(), n, columns, line)
				}
			}
		}
	}
}

func TestDidYouMean(t *testing.T) {
	known := []string{"global", "global-rw", "per-session", "sharded", "cow"}
	for _, tc := range []struct{ why, word, want string }{
		{"a letter too many", "shardded", "did you mean sharded? "},
		{"two in the wrong order", "shraded", "did you mean sharded? "},
		{"the beginning", "per", "did you mean per-session? "},
		{"several", "glob", "did you mean global or global-rw? "},
		{"another case", "GLOBAL-RW", "did you mean global-rw? "},
		{"nothing like it", "zebra", ""},
		{"too short to be like anything", "x", ""},
		{"nothing", "", ""},
	} {
		if got := didYouMean(tc.word, known); got != tc.want {
			t.Errorf("%s: %q gives %q: want %q", tc.why, tc.word, got, tc.want)
		}
	}
}
