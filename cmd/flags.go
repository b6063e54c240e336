package cmd

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// value is a flag that is checked when it is set, from whichever source.
type value struct {
	text  string // as given, or the default
	kind  string // the name of its type in the help
	read  func(text string) error
	words []string // the legal values for completion, "VALUE\tDESCRIPTION"; nil: not a few words
}

var _ pflag.Value = (*value)(nil)

func (v *value) String() string { return v.text }

func (v *value) Type() string { return v.kind }

func (v *value) Set(text string) error {
	if err := v.read(text); err != nil {
		return err
	}
	v.text = text
	return nil
}

// duration is a duration from lo to hi.
func duration(text string, lo, hi time.Duration, set func(time.Duration)) *value {
	return &value{text: text, kind: "duration", read: func(text string) error {
		d, err := time.ParseDuration(text)
		if err != nil || d < lo || d > hi {
			return fmt.Errorf("want a duration %sfrom %v to %v", suchAs(text, lo, hi), lo, hi)
		}
		set(d)
		return nil
	}}
}

// suchAs proposes a unit for a number without one, where that makes a duration from lo to hi.
func suchAs(number string, lo, hi time.Duration) string {
	for _, unit := range []string{"ms", "s"} {
		if d, err := time.ParseDuration(number + unit); err == nil && lo <= d && d <= hi {
			return "such as " + number + unit + ", "
		}
	}
	return ""
}

// count is a whole number from lo to hi.
func count(text string, lo, hi int, p *int) *value {
	return &value{text: text, kind: "number", read: func(text string) error {
		n, err := strconv.Atoi(text)
		if err != nil || n < lo || n > hi {
			return fmt.Errorf("want a whole number from %d to %d", lo, hi)
		}
		*p = n
		return nil
	}}
}

// seed is an unsigned 64-bit number.
func seed(text string, p *uint64) *value {
	return &value{text: text, kind: "number", read: func(text string) error {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return fmt.Errorf("want a whole number from 0 to %d", uint64(1<<64-1))
		}
		*p = n
		return nil
	}}
}

// oneIn is a share: 1/N, all, or off. *p is N, 1 for all, 0 for off.
func oneIn(text string, most int, p *int) *value {
	return &value{text: text, kind: "share", read: func(text string) error {
		switch text {
		case "off", "0":
			*p = 0
			return nil
		case "all", "1":
			*p = 1
			return nil
		}
		of, found := strings.CutPrefix(text, "1/")
		n, err := strconv.Atoi(of)
		if !found || err != nil || n < 1 || n > most {
			return fmt.Errorf("want off, all or 1/N, with N from 1 to %d", most)
		}
		*p = n
		return nil
	}}
}

// choice is one of a few words, each of which may be followed by a tab and its description. *p is the default.
func choice(p *string, words ...string) *value {
	legal := withoutDocs(words)
	return &value{text: *p, kind: "name", words: words, read: func(text string) error {
		if !slices.Contains(legal, text) {
			return fmt.Errorf("want one of %s", strings.Join(legal, ", "))
		}
		*p = text
		return nil
	}}
}

// flagError turns an error of the flag parser into a usage error that names the legal values.
func flagError(c *cobra.Command, err error) error {
	var bad *pflag.InvalidValueError
	var missing *pflag.ValueRequiredError
	var unknown *pflag.NotExistError
	switch {
	case errors.As(err, &missing):
		return usagef("--%s: want a value after it", missing.GetFlag().Name)
	case errors.As(err, &bad):
		return valueError("--"+bad.GetFlag().Name+" "+quoted(bad.GetValue()), bad.GetFlag(), bad.Unwrap())
	case errors.As(err, &unknown):
		name := "--" + unknown.GetSpecifiedName()
		if short := unknown.GetSpecifiedShortnames(); short != "" {
			name = "-" + unknown.GetSpecifiedName()
		}
		legal := mapped(flagNames(c.Flags()), func(flag string) string { return "--" + flag })
		if question := didYouMean(name, legal); question != "" {
			return usagef("%sunknown flag %s: %sall flags: %s --help", where(c), name, question, c.CommandPath())
		}
		return usagef("%sunknown flag %s: want one of %s", where(c), name, strings.Join(legal, ", "))
	}
	return usagef("%s%w", where(c), err)
}

// valueError is the error of a flag's value, which what quotes.
func valueError(what string, f *pflag.Flag, err error) error {
	if f.Value.Type() == "bool" {
		err = errors.New("want true or false")
	}
	return usagef("%s: %w", what, err)
}

// quoted is a value for display: in shell quotes where it is not a plain word.
func quoted(text string) string {
	if text == "" || strings.ContainsAny(text, " \t\n\"'`$\\*?;&|<>()#~![]{}") {
		return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
	}
	return text
}

func flagNames(fs *pflag.FlagSet) (names []string) {
	fs.VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	return names
}

// flagGroup is a set of flags under one heading in the help.
type flagGroup struct {
	heading string
	*pflag.FlagSet
	complete map[string]cobra.CompletionFunc // by the name of the flag; a choice needs none
}

func newFlagGroup(heading string) flagGroup {
	fs := pflag.NewFlagSet(heading, pflag.ContinueOnError)
	fs.SortFlags = false
	return flagGroup{heading, fs, map[string]cobra.CompletionFunc{}}
}

// addGroups adds the flags of all groups to c, their completions, and a help that lists the flags by group.
func addGroups(c *cobra.Command, groups ...flagGroup) {
	c.Flags().SortFlags = false
	for _, g := range groups {
		g.VisitAll(func(f *pflag.Flag) {
			if v, ok := f.Value.(*value); ok && v.words != nil {
				g.complete[f.Name] = oneOf(func() []string { return v.words })
			}
		})
		c.Flags().AddFlagSet(g.FlagSet)
		for flag, complete := range g.complete {
			if err := c.RegisterFlagCompletionFunc(flag, complete); err != nil {
				panic(err) // no such flag: an error in the group
			}
		}
	}
	setHelp(c, groups...)
}

// noArgs rejects arguments. Most are values without their flag.
func noArgs(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("%sunexpected argument %q: want flags only, see %s --help", where(c), args[0], c.CommandPath())
	}
	return nil
}

// subcommandOnly rejects arguments of a command that has only subcommands.
func subcommandOnly(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	if names == nil {
		return usagef("%sno subcommand %q", where(c), args[0])
	}
	return usagef("%sunknown command %q: %swant one of %s", where(c), args[0], didYouMean(args[0], names), strings.Join(names, ", "))
}

// where is the prefix of an error that names the command, "trace stats: "; empty for sessbench itself.
func where(c *cobra.Command) string {
	if !c.HasParent() {
		return ""
	}
	_, path, _ := strings.Cut(c.CommandPath(), " ")
	return path + ": "
}

// noEmptyValues rejects flags with an empty text, as by --trace "$LOG" without a LOG: it has no meaning for any flag.
func noEmptyValues(c *cobra.Command) (err error) {
	c.Flags().Visit(func(f *pflag.Flag) {
		empty := f.Value.String() == ""
		if list, isList := f.Value.(pflag.SliceValue); isList {
			texts := list.GetSlice()
			empty = len(texts) == 0 || slices.Contains(texts, "")
		}
		if empty && err == nil {
			err = emptyError("--"+f.Name+" ''", f)
		}
	})
	return err
}

// emptyError is the error of an empty value of f.
func emptyError(what string, f *pflag.Flag) error {
	placeholder, _ := pflag.UnquoteUsage(f)
	return usagef("%s: is empty: want %s", what, placeholder)
}

// didYouMean returns a question for an error about an unknown word, "did you mean sharded? ", or nothing where no known
// word is close: at most two edits away, or the word is its prefix, as cobra does for commands.
func didYouMean(word string, known []string) string {
	const most = 3
	all := &cobra.Command{SuggestionsMinimumDistance: min(2, len(word)-1)}
	for _, name := range known {
		all.AddCommand(&cobra.Command{Use: name, Run: func(*cobra.Command, []string) {}})
	}
	var close []string
	if word != "" {
		close = all.SuggestionsFor(word)
	}
	if len(close) == 0 {
		return ""
	}
	return "did you mean " + strings.Join(close[:min(most, len(close))], " or ") + "? "
}
