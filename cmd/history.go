package cmd

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/metric"
	"github.com/sessbench/sessbench/internal/outfile"
	"github.com/sessbench/sessbench/internal/setting"
	"github.com/sessbench/sessbench/reports"
	"github.com/sessbench/sessbench/reports/result"
)

func newHistoryCmd(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "history",
		Short: "Keep the results of runs in a file, and show how they changed over time",
		Long: `History keeps one line per run in a file (default ` + judge.DefaultHistoryFile + `), shows each metric over time, and marks where it
changed.`,
		Example: `  sessbench run -o json=result.json
  sessbench history add result.json --label "$(git rev-parse --short HEAD)"
  sessbench history show`,
	}
	c.AddCommand(newHistoryAddCmd(a), newHistoryShowCmd(a))
	return c
}

// historyAddOptions are the options of `history add`.
type historyAddOptions struct {
	*app
	File  string
	Label string
}

func newHistoryAddCmd(a *app) *cobra.Command {
	o := &historyAddOptions{app: a}
	c := &cobra.Command{
		Use:   "add [flags] RESULT.json...",
		Short: "Add result documents to the history",
		Long: `Add appends a summary of each result document (run -o json=FILE) to the history: one line with the medians, the machine and the
settings. Either all documents are added or none, and the file is complete at any time, also with several writers.

A document that the history contains is not added again. Results that failed their audit are left out, with a note; a document
without any other result is rejected.

Exit codes: 0 added, or already there, 4 an unusable document or history, 2 bad usage or an unreadable file, 1 could not write.`,
		Example: `  sessbench history add result.json
  sessbench history add result.json --label "$(git rev-parse --short HEAD)"
  sessbench history add monday.json tuesday.json --file nightly.jsonl`,
		ValidArgsFunction: resultFiles,
		RunE:              func(_ *cobra.Command, args []string) error { return o.run(args) },
	}
	fs := newFlagGroup("Flags")
	addHistoryFileFlag(fs, &o.File)
	fs.StringVarP(&o.Label, "label", "l", "", "label of the run, `TEXT` such as a commit")
	addGroups(c, fs)
	return c
}

func addHistoryFileFlag(fs flagGroup, p *string) {
	fs.StringVar(p, "file", judge.DefaultHistoryFile, "history `FILE`, one JSON object per line")
}

func (o *historyAddOptions) run(args []string) error {
	if len(args) == 0 {
		return usagef("history add: no file: want RESULT.json..., written by run -o json=FILE")
	}
	var runs []*judge.HistoryEntry
	for _, path := range args {
		e, err := o.summary(path)
		if err != nil {
			return err
		}
		runs = append(runs, e)
	}
	if err := o.prepare(); err != nil {
		return err
	}
	if err := o.apart(argumentFiles(args...), []outfile.Named{{Words: "--file " + quoted(o.File), Path: o.File}}); err != nil {
		return err
	}
	h, added, err := judge.AppendHistory(o.File, runs)
	var bad *judge.HistoryError
	switch {
	case errors.As(err, &bad):
		return &exitError{exitIncomparable, fmt.Errorf("history add: %s: %w; nothing was added", o.File, err)}
	case err != nil:
		return fmt.Errorf("history add: %w", err)
	}
	return o.report(args, runs, h, added)
}

// summary summarizes a result document, with a note for each result that is left out.
func (o *historyAddOptions) summary(path string) (*judge.HistoryEntry, error) {
	d, err := readRun("history add", path)
	if err != nil {
		return nil, err
	}
	e, leftOut, err := judge.NewHistoryEntry(judge.Source{Label: o.Label, File: path, Document: d})
	if err != nil {
		return nil, &exitError{exitIncomparable, fmt.Errorf("history add: %w", err)}
	}
	for _, l := range leftOut {
		o.complain("note: %s: %s (%s) is left out: %s", path, l.Strategy, l.Scenario, l.Reason)
	}
	if d.Interrupted {
		o.complain("note: %s was interrupted: only its finished trials count", path)
	}
	return e, nil
}

// prepare checks that the history can be written. It creates the directory of the default file.
func (o *historyAddOptions) prepare() error {
	if o.File == judge.DefaultHistoryFile {
		if err := os.MkdirAll(filepath.Dir(o.File), 0o755); err != nil {
			return usagef("history add: %w", plainPath(filepath.Dir(o.File), err))
		}
	}
	if info, err := os.Stat(o.File); err == nil && !info.IsDir() && !info.Mode().IsRegular() {
		return usagef("--file %s: is no regular file: want a history", quoted(o.File))
	}
	if err := outfile.Check(o.File); err != nil {
		return usagef("--file %s: %w", quoted(o.File), err)
	}
	return nil
}

// report prints the outcome for each document.
func (o *historyAddOptions) report(paths []string, runs []*judge.HistoryEntry, h *judge.History, added []bool) error {
	for i, path := range paths {
		if !added[i] {
			name := ""
			if label, _ := h.Labelled(runs[i].ID); label != o.Label {
				name = fmt.Sprintf(" with the label %q", label)
			}
			o.complain("note: %s is already in %s%s: not added again", path, o.File, name)
			continue
		}
		if _, err := fmt.Fprintf(o.out, "%s: added to %s, %s\n", path, o.File, result.FormatCounted(len(runs[i].Results), "result")); err != nil {
			return err
		}
	}
	return nil
}

// historyShowOptions are the options of `history show`.
type historyShowOptions struct {
	choice    strategyOptions
	output    outputOptions
	File      string
	Scenarios []string
	Metrics   []string
	Last      int
}

// newHistoryShowCmd makes a command that reads no configuration file, like compare.
func newHistoryShowCmd(a *app) *cobra.Command {
	shared := &command{app: a}
	o := &historyShowOptions{choice: strategyOptions{command: shared}, output: outputOptions{command: shared}}
	c := &cobra.Command{
		Use:   "show [flags]",
		Short: "Show the metrics of the history over time, and mark where they changed",
		Long: `Show draws one sparkline per metric, with one block per run, and marks change points. They are found by E-divisive (Matteson and
James, "A Nonparametric Approach for Multiple Change Point Analysis of Multivariate Data", Journal of the American Statistical
Association 109, 2014). They are advice where to look; check decides.

Runs on different machines or with different tapes or settings are not comparable, and are shown in separate lines. The machine is
printed above each table.

Exit codes: 0 shown, 4 the history is empty or damaged, 2 bad usage or an unreadable file, 1 could not write.`,
		Example: `  sessbench history show
  sessbench history show -s chatbot -S per-session,sharded --metric ops_per_sec
  sessbench history show -n 20 -f markdown
  sessbench history show --file nightly.jsonl -o json=trend.json`,
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(*cobra.Command, []string) error { return o.run() },
	}
	fs := newFlagGroup("Flags")
	addHistoryFileFlag(fs, &o.File)
	o.choice.addFlag(fs)
	fs.StringArrayVarP(&o.Scenarios, "scenario", "s", []string{"all"}, "`NAMES` of scenarios: a,b or all")
	fs.complete["scenario"] = listOf(scenarioWords)
	fs.StringArrayVar(&o.Metrics, "metric", []string{"all"},
		"`NAMES` of metrics: a,b or all, of "+strings.Join(metric.Names(metric.Compared()), ", "))
	fs.complete["metric"] = listOf(func() []string { return metric.Names(metric.Compared()) })
	fs.VarP(into("0", setting.Count(0, 1_000_000), &o.Last), "last", "n", "number of runs shown of each series, the last `N`; 0: all")
	o.output.addFormatFlags(fs, "trend", wordsOf(reports.TrendFormats()))
	addGroups(c, fs)
	return c
}

func (o *historyShowOptions) run() error {
	filter, err := o.filter()
	if err != nil {
		return err
	}
	o.output.reads = []outfile.Named{{Words: "--file " + quoted(o.File), Path: o.File}}
	if err := o.output.settle(); err != nil {
		return err
	}
	t, err := o.trend(filter)
	if err != nil {
		return err
	}
	return o.output.write(inFormat(reports.TrendFormats(), t))
}

// filter reads the flags that select series.
func (o *historyShowOptions) filter() (f judge.TrendFilter, err error) {
	chosen, err := setting.Selections(strings.Join(o.choice.Strategies, ","))
	if err != nil {
		return f, usagef("--strategy %w", err)
	}
	if !slices.ContainsFunc(chosen, func(c setting.Selected) bool { return c.Name == "all" }) {
		f.Strategies = chosen
	}
	f.Scenarios, f.Metrics, f.Last = namesIn(o.Scenarios), namesIn(o.Metrics), o.Last
	return f, nil
}

// namesIn splits lists with commas into names; nil for all.
func namesIn(texts []string) (names []string) {
	for name := range strings.SplitSeq(strings.Join(texts, ","), ",") {
		if name = strings.TrimSpace(name); name == "all" {
			return nil
		}
		names = append(names, name)
	}
	return names
}

// trend reads the history. An unusable text ends with exit code 4, as with compare; an unknown name is a usage error.
func (o *historyShowOptions) trend(filter judge.TrendFilter) (*judge.Trend, error) {
	text, err := readInput("history show", o.File, "history")
	if err != nil {
		return nil, err
	}
	h, err := judge.ParseHistory(text)
	var t *judge.Trend
	if err == nil {
		t, err = judge.NewTrend(h, o.File, filter)
	}
	var bad *judge.HistoryError
	var unknown *judge.UnknownNameError
	switch {
	case errors.As(err, &bad):
		return nil, &exitError{exitIncomparable, fmt.Errorf("history show: %s: %w", o.File, err)}
	case errors.As(err, &unknown):
		return nil, usagef("--%s %s: not in %s: want all or some of %s",
			unknown.What, quoted(unknown.Name), o.File, strings.Join(unknown.Known, ", "))
	case err != nil:
		return nil, usagef("history show: %s: %w", o.File, err)
	}
	return t, nil
}
