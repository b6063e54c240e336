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
	"github.com/sessbench/sessbench/reports"
	"github.com/sessbench/sessbench/reports/result"
)

func newHistoryCmd(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "history",
		Short: "Keep the figures of runs in a file, and see how they went over time",
		Long: `History keeps a line a run in a file, ` + judge.DefaultHistoryFile + ` unless told otherwise, and draws from it how each figure went
over time and where it changed.`,
		Example: `  sessbench run -o json=result.json
  sessbench history add result.json --label "$(git rev-parse --short HEAD)"
  sessbench history show`,
		Args: subcommandOnly,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newHistoryAddCmd(a), newHistoryShowCmd(a))
	return c
}

// historyAddOptions is what `history add` was asked for.
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
		Long: `Add appends a summary of each result document (run -o json=FILE) to the history: a line with the medians, the machine and what
the run was like. All are added or none, and the file is whole at any time, also where several add at once.

A document that is there already is not added again. A result that failed its audit has no speed and is left out, with a note;
a document in which nothing has a speed is refused.

Exit codes: 0 added, or there already, 4 a document or the history that cannot be used, 2 bad usage or a file that cannot be
read, 1 could not write.`,
		Example: `  sessbench history add result.json
  sessbench history add result.json --label "$(git rev-parse --short HEAD)"
  sessbench history add monday.json tuesday.json --file nightly.jsonl`,
		RunE: func(_ *cobra.Command, args []string) error { return o.run(args) },
	}
	fs := newFlagGroup("Flags")
	addHistoryFileFlag(fs, &o.File)
	fs.StringVarP(&o.Label, "label", "l", "", "what to call the run, `TEXT` such as a commit")
	addGroups(c, fs)
	c.ValidArgsFunction = cobra.FixedCompletions([]cobra.Completion{"json"}, cobra.ShellCompDirectiveFilterFileExt)
	return c
}

func addHistoryFileFlag(fs flagGroup, p *string) {
	fs.StringVar(p, "file", judge.DefaultHistoryFile, "the history, a `FILE` of a JSON object a line")
}

func (o *historyAddOptions) run(args []string) error {
	if len(args) == 0 {
		return usagef("history add: no file: want RESULT.json..., written by run -o json=FILE")
	}
	var runs []*judge.HistoryEntry
	for _, path := range args {
		e, err := o.read(path)
		if err != nil {
			return err
		}
		runs = append(runs, e)
	}
	if err := o.prepare(); err != nil {
		return err
	}
	if err := o.apart(argumentFiles(args...), []namedFile{{"--file " + quoted(o.File), o.File}}); err != nil {
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
	return o.tell(args, runs, h, added)
}

// read sums a result document up, and says what of it does not count.
func (o *historyAddOptions) read(path string) (*judge.HistoryEntry, error) {
	d, err := readDocument("history add", path)
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
		o.complain("note: %s was interrupted: only the trials that had finished by then count", path)
	}
	return e, nil
}

// prepare makes sure that the history can be written. The folder of the usual one is made where it is missing.
func (o *historyAddOptions) prepare() error {
	if o.File == judge.DefaultHistoryFile {
		if err := os.MkdirAll(filepath.Dir(o.File), 0o755); err != nil {
			return usagef("history add: %w", plainPath(filepath.Dir(o.File), err))
		}
	}
	if info, err := os.Stat(o.File); err == nil && !info.IsDir() && !info.Mode().IsRegular() {
		return usagef("--file %s: is no regular file: want a history", quoted(o.File))
	}
	if err := writable(o.File); err != nil {
		return usagef("--file %s: %w", quoted(o.File), err)
	}
	return nil
}

// tell says what became of each document.
func (o *historyAddOptions) tell(paths []string, runs []*judge.HistoryEntry, h *judge.History, added []bool) error {
	for i, path := range paths {
		if !added[i] {
			name := ""
			if label, _ := h.Labelled(runs[i].ID); label != o.Label {
				name = fmt.Sprintf(" with the label %q", label)
			}
			o.complain("note: %s is in %s already%s: not added twice", path, o.File, name)
			continue
		}
		if _, err := fmt.Fprintf(o.out, "%s: added to %s, %s\n", path, o.File, result.FormatCounted(len(runs[i].Results), "result")); err != nil {
			return err
		}
	}
	return nil
}

// historyShowOptions is what `history show` was asked for.
type historyShowOptions struct {
	common
	File      string
	Scenarios []string
	Metrics   []string
	Last      int
}

// newHistoryShowCmd makes a command that, as compare, reads no configuration file.
func newHistoryShowCmd(a *app) *cobra.Command {
	o := &historyShowOptions{common: common{app: a}}
	c := &cobra.Command{
		Use:   "show [flags]",
		Short: "Draw how the figures of the history went over time, and mark where they changed",
		Long: `Show draws a sparkline a metric, one block a run, and marks where the figures changed. Change points are found by E-divisive
(Matteson and James, "A Nonparametric Approach for Multiple Change Point Analysis of Multivariate Data", Journal of the American
Statistical Association 109, 2014). They are advice where to look: check gives a verdict.

Runs on different machines, tapes or with other settings are not comparable, and never in one line. Which machine it was stands
above each table.

Exit codes: 0 shown, whatever changed, 4 the history is empty or damaged, 2 bad usage or a file that cannot be read,
1 could not write.`,
		Example: `  sessbench history show
  sessbench history show -s chatbot -S per-session,sharded --metric ops_per_sec
  sessbench history show -n 20 -f markdown
  sessbench history show --file nightly.jsonl -o json=trend.json`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error { return o.run() },
	}
	addGroups(c, o.flags())
	completeFlags(c, map[string]cobra.CompletionFunc{
		"strategy": listOf(a.strategyWords),
		"scenario": listOf(scenarioWords),
		"metric":   listOf(judge.TrendMetrics),
		"format":   oneOf(wordsOf(reports.TrendFormats())),
		"out":      outKinds(wordsOf(reports.TrendFormats())),
	})
	return c
}

func (o *historyShowOptions) flags() flagGroup {
	fs := newFlagGroup("Flags")
	addHistoryFileFlag(fs, &o.File)
	fs.StringArrayVarP(&o.Strategies, "strategy", "S", []string{"all"},
		"`NAMES` of strategies, a,b or all; at one of its settings: sharded:shards=16")
	fs.StringArrayVarP(&o.Scenarios, "scenario", "s", []string{"all"}, "`NAMES` of scenarios, a,b or all")
	fs.StringArrayVar(&o.Metrics, "metric", []string{"all"},
		"`NAMES` of metrics, a,b or all: "+strings.Join(judge.TrendMetrics(), ", "))
	fs.VarP(count("0", 0, 1_000_000, &o.Last), "last", "n", "look at the last `N` runs of each series; 0: at all")
	o.addFormatFlags(fs, "trend", kindsOf(reports.TrendFormats()))
	fs.BoolVar(&o.NoColor, "no-color", false, "no colors on a terminal (also: NO_COLOR)")
	return fs
}

func (o *historyShowOptions) run() error {
	filter, err := o.filter()
	if err != nil {
		return err
	}
	o.reads = []namedFile{{"--file " + quoted(o.File), o.File}}
	outputs, err := o.outputs(kindsOf(reports.TrendFormats())...)
	if err != nil {
		return err
	}
	t, err := o.trend(filter)
	if err != nil {
		return err
	}
	return o.write(outputs, asAsked(reports.TrendFormats(), t))
}

// filter reads the flags that say what is looked at.
func (o *historyShowOptions) filter() (f judge.TrendFilter, err error) {
	chosen, err := parseChoices(strings.Join(o.Strategies, ","))
	if err != nil {
		return f, usagef("--strategy %w", err)
	}
	for _, c := range chosen {
		f.Strategies = append(f.Strategies, judge.TrendStrategy{Name: c.name, Params: c.params, Text: c.String()})
	}
	if slices.ContainsFunc(chosen, func(c choiceOf) bool { return c.name == "all" }) {
		f.Strategies = nil
	}
	f.Scenarios, f.Metrics, f.Last = wanted(o.Scenarios), wanted(o.Metrics), o.Last
	return f, nil
}

// wanted returns the names of a list with commas, and none where all are meant.
func wanted(texts []string) (names []string) {
	for name := range strings.SplitSeq(strings.Join(texts, ","), ",") {
		if name = strings.TrimSpace(name); name == "all" {
			return nil
		}
		names = append(names, name)
	}
	return names
}

// trend reads the history. What is wrong with its text ends with 4, as with compare; a name that nothing has is a mistake
// of whoever typed it.
func (o *historyShowOptions) trend(filter judge.TrendFilter) (*judge.Trend, error) {
	if info, err := os.Stat(o.File); err == nil && info.IsDir() {
		return nil, usagef("history show: %s: is a directory: want a history", o.File)
	}
	text, err := os.ReadFile(o.File)
	if err != nil {
		return nil, usagef("history show: %w", plainPath(o.File, err))
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
