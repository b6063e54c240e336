package cmd

import (
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sessbench/sessbench/internal/setting"
)

// value is a flag that is checked when it is set, from whichever source.
type value struct {
	text  string   // as given, or the default
	given bool     // it has been set
	kind  string   // the name of its type in the help
	words []string // the legal values for completion, "VALUE\tDESCRIPTION"; nil: not a few words
	read  func(text string) (canonical string, err error)

	repeats bool // a further text is joined to the first by a comma
}

var _ pflag.Value = (*value)(nil)

func (v *value) String() string { return v.text }

func (v *value) Type() string { return v.kind }

func (v *value) Set(text string) error {
	if v.repeats && v.given {
		text = v.text + "," + text
	}
	text, err := v.read(text)
	if err == nil {
		v.text, v.given = text, true
	}
	return err
}

// into is a flag whose values p reads into *to. text is the default, which is not read.
func into[T any](text string, p setting.Parser[T], to *T) *value {
	return &value{text: text, kind: p.Kind, words: p.Words, read: func(text string) (string, error) {
		x, err := p.Read(text)
		if err != nil {
			return "", err
		}
		*to = x
		return setting.Text(x, text), nil
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

// ownFlag is the annotation of flags that may differ between the participants of a distributed run.
const ownFlag = "own"

// own marks flags of g that may differ between the participants of a distributed run; without names, all of them.
func (g flagGroup) own(names ...string) {
	if names == nil {
		names = flagNames(g.FlagSet)
	}
	for _, name := range names {
		if err := g.SetAnnotation(name, ownFlag, nil); err != nil {
			panic(err) // no such flag: an error in the group
		}
	}
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
// word is close: one edit away, or the word is its prefix, as cobra does for commands; else two edits away.
func didYouMean(word string, known []string) string {
	const most = 3
	all := new(cobra.Command)
	for _, name := range known {
		all.AddCommand(&cobra.Command{Use: name, Run: func(*cobra.Command, []string) {}})
	}
	var close []string
	for edits := 1; len(close) == 0 && edits <= min(2, len(word)-1); edits++ {
		all.SuggestionsMinimumDistance = edits
		close = all.SuggestionsFor(word)
	}
	if len(close) == 0 {
		return ""
	}
	return "did you mean " + strings.Join(close[:min(most, len(close))], " or ") + "? "
}
