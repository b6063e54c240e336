package cmd

import (
	"strings"

	"github.com/spf13/cobra"
)

// didYouMean returns a question for an error about an unknown word, "did you mean sharded? ", or nothing where no known
// word is close: at most two edits away, or the word is its prefix, as cobra does for commands.
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
