package cmd

import (
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// noEmptyValues rejects flags with an empty text, as by --trace "$LOG" without a LOG: it has no meaning for any flag.
func noEmptyValues(c *cobra.Command) (err error) {
	c.Flags().Visit(func(f *pflag.Flag) {
		empty := f.Value.String() == ""
		if list, isList := f.Value.(pflag.SliceValue); isList {
			texts := list.GetSlice()
			empty = len(texts) == 0 || slices.Contains(texts, "")
		}
		if empty && err == nil {
			err = emptyError("--"+f.Name+" ''", f)
		}
	})
	return err
}

// emptyError is the error of an empty value of f.
func emptyError(what string, f *pflag.Flag) error {
	placeholder, _ := pflag.UnquoteUsage(f)
	return usagef("%s: is empty: want %s", what, placeholder)
}
