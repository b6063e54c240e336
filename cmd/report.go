package cmd

import (
	"cmp"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/reports"
	"github.com/sessbench/sessbench/reports/result"
)

// reportOptions is what `report` was asked for.
type reportOptions struct {
	common
}

// newReportCmd makes a command that, as compare, reads no configuration file.
func newReportCmd(a *app) *cobra.Command {
	o := &reportOptions{common: common{app: a}}
	c := &cobra.Command{
		Use:   "report [flags] RESULT.json",
		Short: "Write a result document in other formats, or make one of several machines'",
		Long: `Report writes a result document (run -o json=FILE) in any format that run can write it in, whenever it was measured.

Exit codes: 0 written, 4 no result document, 2 bad usage or a file that cannot be read, 1 could not write.`,
		Example: `  sessbench report result.json
  sessbench report result.json -f markdown
  sessbench report result.json -o csv=result.csv -o markdown=result.md`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("report: %s: want RESULT.json, written by run -o json=FILE", filesGiven(args))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error { return o.run(args[0]) },
	}
	addGroups(c, o.flags())
	o.complete(c)
	c.AddCommand(newReportMergeCmd(a))
	return c
}

func (o *reportOptions) flags() flagGroup {
	fs := newFlagGroup("Flags")
	o.addFormatFlags(fs, "result", formatNames())
	fs.BoolVar(&o.NoColor, "no-color", false, "no colors on a terminal (also: NO_COLOR)")
	return fs
}

func (o *reportOptions) complete(c *cobra.Command) {
	completeFlags(c, map[string]cobra.CompletionFunc{"format": oneOf(formatWords), "out": outKinds(formatWords)})
	c.ValidArgsFunction = cobra.FixedCompletions([]cobra.Completion{"json"}, cobra.ShellCompDirectiveFilterFileExt)
}

// filesGiven says how many files there are, where the number is wrong.
func filesGiven(args []string) string {
	switch len(args) {
	case 0:
		return "no file"
	case 1:
		return "one file alone, " + quoted(args[0])
	}
	return fmt.Sprintf("%d files", len(args))
}

func (o *reportOptions) run(file string) error {
	o.reads = argumentFiles(file)
	outputs, err := o.outputs(formatNames()...)
	if err != nil {
		return err
	}
	d, err := readDocument("report", file)
	if err != nil {
		return err
	}
	return o.writeDocument(outputs, d)
}

func (o *reportOptions) writeDocument(outputs []output, d *result.Document) error {
	return o.write(outputs, func(kind string, w io.Writer, screen reports.Options) error {
		format, _ := reports.Lookup(kind) // checked with the flags
		return format.Write(w, d, screen)
	})
}

func newReportMergeCmd(a *app) *cobra.Command {
	o := &reportOptions{common: common{app: a}}
	c := &cobra.Command{
		Use:   "merge [flags] PART.json PART.json...",
		Short: "Make one result document of those that several machines wrote",
		Long: `Merge makes one result document of the parts of a run (run --join), or of runs with the same settings that were started one by one.
Operations are added up and histograms added count by count, so that a merged percentile is that of all operations. Rates are
all operations over one window: right where the parts ran at the same time, as joined ones do.

What the limit is that several machines share nobody knows: it is left out. A part that is missing is named, in the result, too.
How the parts have to be alike: settings, tapes, strategies with their parameters, and the build of sessbench.

Exit codes: 0 merged, 1 a part is missing or could not write, 5 a part's audit failed, 4 not parts of one run, 2 bad usage, a file
that cannot be read or a part given twice.`,
		Example: `  sessbench report merge part1.json part2.json
  sessbench report merge part*.json -o json=all.json -o markdown=all.md`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 2 {
				return usagef("report merge: %s: want two or more, PART.json PART.json...", filesGiven(args))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error { return o.merge(args) },
	}
	addGroups(c, o.flags())
	o.complete(c)
	return c
}

func (o *reportOptions) merge(files []string) error {
	o.reads = argumentFiles(files...)
	outputs, err := o.outputs(formatNames()...)
	if err != nil {
		return err
	}
	var parts []judge.Source
	for i, label := range shortNames(files) {
		d, err := readDocument("report merge", files[i])
		if err != nil {
			return err
		}
		parts = append(parts, judge.Source{Label: cmp.Or(label, files[i]), File: files[i], Document: d}) // a=b.json is a file here
	}
	d, err := judge.Merge(parts)
	switch {
	case errors.Is(err, judge.ErrDuplicatePart):
		return usagef("report merge: %w", err)
	case err != nil:
		return &exitError{exitIncomparable, fmt.Errorf("report merge: %w", err)}
	}
	return verdict(d, o.writeDocument(outputs, d))
}

// lostParticipants names those of which nothing is in a merged document.
func lostParticipants(d *result.Document) (found []finding) {
	for _, p := range d.Participants {
		if p.Lost {
			found = append(found, finding{exitFailed, fmt.Sprintf("%s is lost: %s", p.Called(), p.Why)})
		}
	}
	return found
}
