package cmd

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sessbench/sessbench/internal/flawed"
	"github.com/sessbench/sessbench/internal/metric"
	"github.com/sessbench/sessbench/internal/setting"
	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/strategies"
)

// strategyWords are the words for strategies. A word is followed by a tab and its description.
func strategyWords(of []*strategies.Strategy) []string {
	return mapped(of, func(s *strategies.Strategy) string { return s.Name + "\t" + s.Description })
}

func scenarioWords() []string {
	words := mapped(scenarios.All(), func(s *scenarios.Scenario) string { return s.Name + "\t" + s.Purpose })
	return append([]string{"all\tall scenarios"}, words...)
}

func flawWords() []string {
	words := mapped(flawed.All(), func(f *flawed.Flaw) string { return f.Name + "\t" + f.How })
	return append([]string{"all\tall flawed stores"}, words...)
}

// thresholdMetrics completes the metric of a threshold, after the names before it.
func thresholdMetrics(_ *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	before := typed[:strings.LastIndex(typed, ".")+1]
	list := mapped(metric.All(), func(m *metric.Metric) string { return before + m.Short() + "\t" + m.Doc })
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
		switch chosen, err := setting.Selections(strings.TrimSuffix(before, ",")); {
		case colon:
			before += name + ":"
		case err == nil && len(chosen[len(chosen)-1].Params) > 0: // this may be another parameter of it
			name = chosen[len(chosen)-1].Name
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

// resultFiles completes arguments that are result documents.
func resultFiles(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return []cobra.Completion{"json"}, cobra.ShellCompDirectiveFilterFileExt
}

// outKinds completes --out up to the equals sign; after it the shell completes file names.
func outKinds(words []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if strings.Contains(typed, "=") {
			return nil, cobra.ShellCompDirectiveDefault
		}
		list := mapped(words, func(word string) string { return strings.Replace(word, "\t", "=\t", 1) })
		return list, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
}
