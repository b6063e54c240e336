package cmd

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/reports"
	"github.com/sessbench/sessbench/reports/result"
)

// compareOptions is what `compare` was asked for.
type compareOptions struct {
	common
	Force bool
}

// newCompareCmd makes a command that reads no configuration file: an out in it names run's files, which compare is there
// to read and not to replace.
func newCompareCmd(a *app) *cobra.Command {
	o := &compareOptions{common: common{app: a}}
	c := &cobra.Command{
		Use:   "compare [flags] OLD.json NEW.json...",
		Short: "Hold results of run against each other: what got faster or slower, and what is noise",
		Long: `Compare holds result documents (run -o json=FILE) against the first of them, metric by metric, with the statistics of benchstat:
medians, distribution-free intervals and the Mann-Whitney U test. What moved comes first.

LABEL=FILE says how the tables call a document; without a label it is the file's name. Documents of different machines, tapes or
settings are not comparable: compare says what differs and stops, unless --force is given.

Exit codes: 0 compared, whatever came of it, 4 not comparable, 2 bad usage or a file that cannot be read, 1 could not write.`,
		Example: `  sessbench run -o json=old.json; sessbench run -o json=new.json
  sessbench compare old.json new.json
  sessbench compare main=old.json branch=new.json -f markdown
  sessbench compare old.json new.json -o json=comparison.json`,
		RunE: func(_ *cobra.Command, args []string) error { return o.run(args) },
	}
	addGroups(c, o.flags())
	completeFlags(c, map[string]cobra.CompletionFunc{
		"format": oneOf(wordsOf(reports.ComparisonFormats())),
		"out":    outKinds(wordsOf(reports.ComparisonFormats())),
	})
	c.ValidArgsFunction = cobra.FixedCompletions([]cobra.Completion{"json"}, cobra.ShellCompDirectiveFilterFileExt)
	return c
}

func (o *compareOptions) flags() flagGroup {
	fs := newFlagGroup("Flags")
	o.addFormatFlags(fs, "comparison", kindsOf(reports.ComparisonFormats()))
	fs.BoolVar(&o.Force, "force", false, "compare what is not comparable; the result says so")
	fs.BoolVar(&o.NoColor, "no-color", false, "no colors on a terminal (also: NO_COLOR)")
	return fs
}

func (o *compareOptions) run(args []string) error {
	sources, err := named(args)
	if err != nil {
		return err
	}
	for _, source := range sources {
		o.reads = append(o.reads, argumentFiles(source.File)...)
	}
	outputs, err := o.outputs(kindsOf(reports.ComparisonFormats())...)
	if err != nil {
		return err
	}
	for i := range sources {
		if sources[i].Document, err = readDocument("compare", sources[i].File); err != nil {
			return err
		}
	}
	c, err := judge.Compare(sources)
	if err != nil {
		return &exitError{exitIncomparable, fmt.Errorf("compare: %w", err)}
	}
	if found := c.DescribeDifferences(); len(found) > 0 && !o.Force {
		return &exitError{exitIncomparable, fmt.Errorf("compare: not comparable (--force compares all the same): %s", strings.Join(found, "; "))}
	}
	return o.write(outputs, asAsked(reports.ComparisonFormats(), c))
}

// named returns what is to be compared: LABEL=FILE or FILE. What stands before the first = is a label unless it has a
// slash in it: ./a=b.json is a file.
func named(args []string) (list []judge.Source, err error) {
	if len(args) < 2 {
		what := "no file"
		if len(args) == 1 {
			what = "one file alone, " + quoted(args[0])
		}
		return nil, usagef("compare: %s: want two or more, OLD.json NEW.json or LABEL=FILE", what)
	}
	short := shortNames(args)
	labelled := map[string]string{}
	for i, arg := range args {
		label, file, given := cutLabel(arg)
		switch {
		case given && (label == "" || file == ""):
			return nil, usagef("compare: %s: want LABEL=FILE", quoted(arg))
		case !given:
			label = short[i]
		}
		if other, taken := labelled[label]; taken {
			return nil, usagef("compare: %s and %s are both called %s: want LABEL=FILE with labels of their own", quoted(other), quoted(arg), quoted(label))
		}
		labelled[label] = arg
		list = append(list, judge.Source{Label: label, File: file})
	}
	return list, nil
}

func cutLabel(arg string) (label, file string, given bool) {
	label, file, given = strings.Cut(arg, "=")
	if !given || strings.ContainsRune(label, '/') || strings.ContainsRune(label, filepath.Separator) {
		return "", arg, false
	}
	return label, file, true
}

// shortNames calls files without a label by their names alone where that tells them apart, and as they were typed where
// it does not.
func shortNames(args []string) []string {
	short := make([]string, len(args))
	count := map[string]int{}
	for i, arg := range args {
		if _, file, given := cutLabel(arg); !given {
			short[i] = strings.TrimSuffix(filepath.Base(file), ".json")
			count[short[i]]++
		}
	}
	for i, arg := range args {
		if count[short[i]] > 1 {
			short[i] = arg
		}
	}
	return short
}

// readDocument reads a result document for a command. A file that cannot be read is a mistake of whoever typed its name; one that
// holds something else, or too little, is not comparable.
func readDocument(command, path string) (*result.Document, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, usagef("%s: %w", command, plainPath(path, err))
	case info.IsDir():
		return nil, usagef("%s: %s: is a directory: want a result document", command, path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, usagef("%s: %w", command, plainPath(path, err))
	}
	defer f.Close()
	d, err := result.Read(f)
	if err != nil {
		return nil, &exitError{exitIncomparable, fmt.Errorf("%s: %s: %w", command, path, err)}
	}
	return d, nil
}

// plainPath names the file that an error is about, and leaves out the system call.
func plainPath(path string, err error) error {
	return fmt.Errorf("%s: %w", quoted(path), withoutCall(err))
}
