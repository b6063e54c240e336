package cmd

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sessbench/sessbench/internal/flawed"
	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/reports"
	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/strategies"
)

// completeRun completes flag values of `run`.
func completeRun(c *cobra.Command, a *app) {
	completeFlags(c, map[string]cobra.CompletionFunc{
		"strategy":          a.strategyList(a.strategyWords),
		"param":             a.params(),
		"baseline-strategy": oneOf(func() []string { return append(strategyWords(a.strategies()), "none\tno baseline, no ratios") }),
		"scenario":          listOf(scenarioWords),
		"hold-kind":         oneOf(func() []string { return []string{holdSleep, holdSpin} }),
		"format":            oneOf(formatWords),
		"out":               outKinds(formatWords),
		"threshold":         thresholdMetrics,
		"save-baseline":     oneOf(baselineNames),
	})
}

// completeVerify completes flag values of `verify`.
func completeVerify(c *cobra.Command, a *app) {
	completeFlags(c, map[string]cobra.CompletionFunc{
		"strategy": a.strategyList(func() []string {
			return append([]string{"all\tall but probes"}, strategyWords(slices.Concat(a.strategies(), a.remote()))...)
		}),
		"param": a.params(),
		"scenario": listOf(func() []string {
			return slices.DeleteFunc(scenarioWords(), func(word string) bool {
				name, _, _ := strings.Cut(word, "\t")
				return name != "all" && !slices.Contains(fittingScenarios(), name)
			})
		}),
		"flawed":   listOf(flawWords),
		"schedule": oneOf(func() []string { return []string{scripted, random} }),
		"format":   oneOf(func() []string { return []string{formatTable, formatJSON} }),
		"out": outKinds(func() []string {
			return []string{
				formatTable + "\tthe table, and every violation as a timeline", formatJSON + "\tall reports, for machines",
				kindHistory + "\tthe first violation's history, for --history", kindHTML + "\tthe first violation as a picture",
			}
		}),
	})
}

func completeFlags(c *cobra.Command, flags map[string]cobra.CompletionFunc) {
	c.ValidArgsFunction = cobra.NoFileCompletions
	for flag, complete := range flags {
		if err := c.RegisterFlagCompletionFunc(flag, complete); err != nil {
			panic(err) // no such flag: an error in the caller's list
		}
	}
}

// strategyWords are the words for --strategy, "all" first. A word is followed by a tab and its description.
func (a *app) strategyWords() []string {
	return append([]string{"all\tall but probes"}, strategyWords(slices.Concat(a.strategies(), a.remote(), a.probes()))...)
}

func strategyWords(of []*strategies.Strategy) (words []string) {
	for _, s := range of {
		words = append(words, s.Name+"\t"+s.Description)
	}
	return words
}

func scenarioWords() []string {
	words := []string{"all\tall scenarios"}
	for _, s := range scenarios.All() {
		words = append(words, s.Name+"\t"+s.Purpose)
	}
	return words
}

func flawWords() []string {
	words := []string{"all\tall flawed stores"}
	for _, f := range flawed.All() {
		words = append(words, f.Name+"\t"+f.How)
	}
	return words
}

func formatWords() (words []string) {
	for _, f := range reports.All() {
		words = append(words, f.Name+"\t"+f.Doc)
	}
	return words
}

// thresholdMetrics completes the metric of a threshold, after the names before it.
func thresholdMetrics(_ *cobra.Command, _ []string, typed string) (list []cobra.Completion, _ cobra.ShellCompDirective) {
	before := typed[:strings.LastIndex(typed, ".")+1]
	for _, m := range judge.ThresholdMetrics() {
		list = append(list, before+m.Short()+"\t"+m.Doc)
	}
	return list, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// oneOf completes to one word.
func oneOf(words func() []string) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return words(), cobra.ShellCompDirectiveNoFileComp
	}
}

// listOf completes the last word of a list with commas, except to words that the list contains.
func listOf(words func() []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		before := typed[:strings.LastIndex(typed, ",")+1]
		there := strings.Split(before, ",")
		var list []string
		for _, word := range words() {
			if name, _, _ := strings.Cut(word, "\t"); !slices.Contains(there, name) {
				list = append(list, before+word)
			}
		}
		return list, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
}

// strategyList completes a list of strategies with parameters: after "sharded:" to a parameter of sharded, and after a parameter
// to another one or to the next strategy.
func (a *app) strategyList(words func() []string) cobra.CompletionFunc {
	names := listOf(words)
	return func(c *cobra.Command, args []string, typed string) (list []cobra.Completion, _ cobra.ShellCompDirective) {
		before, last := typed[:strings.LastIndex(typed, ",")+1], typed[strings.LastIndex(typed, ",")+1:]
		name, _, colon := strings.Cut(last, ":")
		switch chosen, err := parseChoices(strings.TrimSuffix(before, ",")); {
		case colon:
			before += name + ":"
		case err == nil && len(chosen[len(chosen)-1].params) > 0: // this may be another parameter of it
			name = chosen[len(chosen)-1].name
		default:
			name = ""
		}
		if s, known := a.strategy(name); known {
			list = paramWords(before, s)
		}
		if colon {
			return list, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
		}
		more, directive := names(c, args, typed)
		return append(list, more...), directive
	}
}

// paramWords are the distinct parameters of strategies, up to the value, with a prefix.
func paramWords(before string, of ...*strategies.Strategy) (words []string) {
	seen := map[string]bool{}
	for _, s := range of {
		for _, p := range s.Params {
			if !seen[p.Name] {
				words = append(words, before+p.Name+"=\t"+p.Doc+": "+p.Legal+" (default "+p.Default+")")
			}
			seen[p.Name] = true
		}
	}
	return words
}

// params completes --param.
func (a *app) params() cobra.CompletionFunc {
	return listOf(func() []string { return paramWords("", slices.Concat(a.strategies(), a.remote())...) })
}

// outKinds completes --out up to the equals sign; after it the shell completes file names.
func outKinds(words func() []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if strings.Contains(typed, "=") {
			return nil, cobra.ShellCompDirectiveDefault
		}
		var list []string
		for _, word := range words() {
			kind, doc, _ := strings.Cut(word, "\t")
			list = append(list, kind+"=\t"+doc)
		}
		return list, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
}
