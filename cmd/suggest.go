package cmd

import (
	"strings"

	"github.com/spf13/cobra"
)

// didYouMean returns the question that belongs into an error about an unknown word, "did you mean sharded? ", and nothing
// where no known word is close. Close is what cobra calls so for commands: at most two edits away, or begun with the word.
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
