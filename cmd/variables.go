package cmd

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sessbench/sessbench/internal/verify"
)

// variablePrefix begins the name of every environment variable that is read.
const variablePrefix = "SESSBENCH_"

// otherVariables are those that set no flag: those of child processes, those of this program's tests, and TEST_ for more of these.
func otherVariables() []string {
	return []string{
		verify.ChildVariable, measureEnv, variablePrefix + "REQUIRE", variablePrefix + "POWER", variablePrefix + "POWER_FILE", variablePrefix + "SLOWDOWN",
		variablePrefix + "KILLS", variablePrefix + "PICTURES", variablePrefix + "SEEDS", variablePrefix + "TRACES",
	}
}

// warnOfUnknownVariables names the variables in environ that begin as ours do and set nothing: SESSBENCH_USER for
// SESSBENCH_USERS would go unnoticed. One that is set for another command is known.
func warnOfUnknownVariables(w io.Writer, root *cobra.Command, environ []string) {
	known := map[string]bool{envName(configFlag): true}
	for key := range configKeys(root) {
		if !strings.Contains(key, ".") { // not of one command
			known[envName(key)] = true
		}
	}
	for _, name := range otherVariables() {
		known[name] = true
	}
	slices.Sort(environ)
	for _, variable := range environ {
		name, value, _ := strings.Cut(variable, "=")
		if !strings.HasPrefix(name, variablePrefix) || strings.HasPrefix(name, variablePrefix+"TEST_") || value == "" || known[name] {
			continue
		}
		hint := strings.TrimSpace(didYouMean(name, slices.Sorted(maps.Keys(known))))
		if hint == "" {
			hint = "variables are called as flags are, " + envName("hold-kind") + " for --hold-kind"
		}
		fmt.Fprintf(w, "sessbench: warning: %s is set, but nothing reads it: %s\n", quoted(name), hint)
	}
}
