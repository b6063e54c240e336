package cmd

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sessbench/sessbench/internal/measure"
	"github.com/sessbench/sessbench/internal/verify"
)

// variablePrefix is the prefix of all environment variables of this program.
const variablePrefix = "SESSBENCH_"

// otherVariables are the variables that set no flag: those of child processes and of tests.
func otherVariables() []string {
	return []string{
		verify.ChildVariable, measure.ChildVariable, variablePrefix + "REQUIRE", variablePrefix + "POWER", variablePrefix + "POWER_FILE", variablePrefix + "SLOWDOWN",
		variablePrefix + "KILLS", variablePrefix + "KILL_SEEDS", variablePrefix + "FLAWS", variablePrefix + "FULL_RUNS", variablePrefix + "AT_ONCE",
		variablePrefix + "MUTANTS", variablePrefix + "PICTURES", variablePrefix + "SEEDS", variablePrefix + "TRACES",
	}
}

// warnOfUnknownVariables warns of variables in environ that have the prefix and set no flag of any command, such as
// SESSBENCH_USER in place of SESSBENCH_USERS.
func warnOfUnknownVariables(w io.Writer, root *cobra.Command, environ []string) {
	known := map[string]bool{envName(configFlag): true}
	keys, _ := configKeys(root)
	for key := range keys {
		if !strings.Contains(key, ".") { // a key of one command has no variable
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
			hint = "a variable is named after its flag: " + envName("hold-kind") + " for --hold-kind"
		}
		fmt.Fprintf(w, "sessbench: warning: %s is set but not used: %s\n", quoted(name), hint)
	}
}
