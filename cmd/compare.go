package cmd

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/outfile"
	"github.com/sessbench/sessbench/reports"
	"github.com/sessbench/sessbench/reports/result"
)

// compareOptions are the options of `compare`.
type compareOptions struct {
	outputOptions
	Force bool
}

// newCompareCmd makes a command that reads no configuration file: its key out names the files of run, which compare must
// not replace.
func newCompareCmd(a *app) *cobra.Command {
	o := &compareOptions{outputOptions: outputOptions{command: &command{app: a}}}
	c := &cobra.Command{
		Use:   "compare [flags] OLD.json NEW.json...",
		Short: "Compare results: what became faster or slower, and what is noise",
		Long: `Compare compares result documents (run -o json=FILE) with the first one, metric by metric, with the statistics of benchstat:
medians, distribution-free confidence intervals and the Mann-Whitney U test. Metrics that changed come first.

LABEL=FILE sets the label of a document in the tables; the default is the file's name. Documents of different machines, tapes or
settings are not comparable: compare lists the differences and stops, unless --force is set.

Exit codes: 0 compared, 4 not comparable, 2 bad usage or an unreadable file, 1 could not write.`,
		Example: `  sessbench run -o json=old.json; sessbench run -o json=new.json
  sessbench compare old.json new.json
  sessbench compare main=old.json branch=new.json -f markdown
  sessbench compare old.json new.json -o json=comparison.json`,
		ValidArgsFunction: resultFiles,
		RunE:              func(_ *cobra.Command, args []string) error { return o.run(args) },
	}
	fs := newFlagGroup("Flags")
	o.addFormatFlags(fs, "comparison", wordsOf(reports.ComparisonFormats()))
	fs.BoolVar(&o.Force, "force", false, "compare documents that are not comparable; the comparison contains a warning")
	addGroups(c, fs)
	return c
}

func (o *compareOptions) run(args []string) error {
	sources, err := named(args)
	if err != nil {
		return err
	}
	for _, source := range sources {
		o.reads = append(o.reads, argumentFiles(source.File)...)
	}
	if err := o.settle(); err != nil {
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
		return &exitError{exitIncomparable, fmt.Errorf("compare: not comparable (--force compares anyway): %s", strings.Join(found, "; "))}
	}
	return o.write(inFormat(reports.ComparisonFormats(), c))
}

// named parses arguments, LABEL=FILE or FILE. The text before the first = is a label unless it contains a slash: ./a=b.json is
// a file.
func named(args []string) (list []judge.Source, err error) {
	if len(args) < 2 {
		return nil, usagef("compare: %s: want two or more, OLD.json NEW.json or LABEL=FILE", filesGiven(args))
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
			return nil, usagef("compare: %s and %s have the same label %s: want LABEL=FILE with different labels", quoted(other), quoted(arg), quoted(label))
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

// shortNames returns the base names of files without a label, and the whole arguments where base names are ambiguous.
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

// readDocument reads a result document for a command. A file with other contents is not comparable.
func readDocument(command, path string) (*result.Document, error) {
	text, err := readInput(command, path, "result document")
	if err != nil {
		return nil, err
	}
	d, err := result.Read(bytes.NewReader(text))
	if err != nil {
		return nil, &exitError{exitIncomparable, fmt.Errorf("%s: %s: %w", command, path, err)}
	}
	return d, nil
}

// readRun is readDocument for a command that has no meaning for a sweep.
func readRun(command, path string) (*result.Document, error) {
	d, err := readDocument(command, path)
	if err == nil && d.Sweep != nil {
		err = &exitError{exitIncomparable, fmt.Errorf("%s: %s: is a sweep over %s: want the result of sessbench run, or sessbench compare for sweeps", command, path, d.Sweep.Over)}
	}
	return d, err
}

// readInput reads a file for a command. A file that cannot be read is a usage error.
func readInput(command, path, want string) ([]byte, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil, usagef("%s: %s: is a directory: want a %s", command, path, want)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, usagef("%s: %w", command, plainPath(path, err))
	}
	return text, nil
}

// plainPath is an error with the quoted path and without the system call.
func plainPath(path string, err error) error {
	return fmt.Errorf("%s: %w", quoted(path), outfile.WithoutCall(err))
}
