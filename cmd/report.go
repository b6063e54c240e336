package cmd

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/reports"
)

// newReportCmd makes a command that reads no configuration file, like compare.
func newReportCmd(a *app) *cobra.Command {
	o := &outputOptions{command: &command{app: a}}
	c := &cobra.Command{
		Use:   "report [flags] RESULT.json",
		Short: "Write a result document in other formats, or merge those of several machines",
		Long: `Report writes a result document (run -o json=FILE) in any output format of run.

Exit codes: 0 written, 4 no result document, 2 bad usage or an unreadable file, 1 could not write.`,
		Example: `  sessbench report result.json
  sessbench report result.json -f markdown
  sessbench report result.json -o csv=result.csv -o markdown=result.md`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("report: %s: want RESULT.json, written by run -o json=FILE", filesGiven(args))
			}
			return nil
		},
		ValidArgsFunction: resultFiles,
		RunE:              func(_ *cobra.Command, args []string) error { return o.report(args[0]) },
	}
	addGroups(c, o.reportFlags())
	c.AddCommand(newReportMergeCmd(a))
	return c
}

func (o *outputOptions) reportFlags() flagGroup {
	fs := newFlagGroup("Flags")
	o.addFormatFlags(fs, "result", wordsOf(reports.All()))
	return fs
}

// filesGiven describes a wrong number of files.
func filesGiven(args []string) string {
	switch len(args) {
	case 0:
		return "no file"
	case 1:
		return "only one file, " + quoted(args[0])
	}
	return fmt.Sprintf("%d files", len(args))
}

func (o *outputOptions) report(file string) error {
	o.reads = argumentFiles(file)
	if err := o.settle(); err != nil {
		return err
	}
	d, err := readDocument("report", file)
	if err != nil {
		return err
	}
	return o.write(inFormat(reports.All(), d))
}

func newReportMergeCmd(a *app) *cobra.Command {
	o := &outputOptions{command: &command{app: a}}
	c := &cobra.Command{
		Use:   "merge [flags] PART.json PART.json...",
		Short: "Merge the result documents of several machines into one",
		Long: `Merge combines the parts of a distributed run (run --join), or runs with the same settings, into one result document.
Operation counts and histograms are added, so that a merged percentile is that of all operations. A rate is all operations divided
by one window: it is correct if the parts ran at the same time, as those of a distributed run do.

The theoretical maximum of several machines is unknown and left out. Missing parts are listed, in the result, too. All parts must
have the same settings, tapes, strategies with parameters, and build of sessbench.

Exit codes: 0 merged, 1 a part is missing or could not write, 5 a part's audit failed, 4 not parts of one run, 2 bad usage, an
unreadable file or a repeated part.`,
		Example: `  sessbench report merge part1.json part2.json
  sessbench report merge part*.json -o json=all.json -o markdown=all.md`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 2 {
				return usagef("report merge: %s: want two or more, PART.json PART.json...", filesGiven(args))
			}
			return nil
		},
		ValidArgsFunction: resultFiles,
		RunE:              func(_ *cobra.Command, args []string) error { return o.merge(args) },
	}
	addGroups(c, o.reportFlags())
	return c
}

func (o *outputOptions) merge(files []string) error {
	o.reads = argumentFiles(files...)
	if err := o.settle(); err != nil {
		return err
	}
	var parts []judge.Source
	for i, label := range shortNames(files) {
		d, err := readRun("report merge", files[i])
		if err != nil {
			return err
		}
		parts = append(parts, judge.Source{Label: cmp.Or(label, files[i]), File: files[i], Document: d}) // a=b.json is a file here, not a label
	}
	d, err := judge.Merge(parts)
	switch {
	case errors.Is(err, judge.ErrDuplicatePart):
		return usagef("report merge: %w", err)
	case err != nil:
		return &exitError{exitIncomparable, fmt.Errorf("report merge: %w", err)}
	}
	return verdict(d, o.write(inFormat(reports.All(), d)))
}
