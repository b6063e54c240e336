package cmd

import (
	"github.com/spf13/pflag"
)

// command is what the options of a command share: the program, and where settings come from.
type command struct {
	*app
	flags   *pflag.FlagSet
	sources      // of the settings that are not at their defaults
	Quiet   bool // no progress and no notes on stderr
}

// note writes a note to stderr, unless --quiet is set.
func (c *command) note(format string, args ...any) {
	if !c.Quiet {
		c.complain("note: "+format, args...)
	}
}

// otherwise sets a flag that has no source.
func (c *command) otherwise(flag, text string) error {
	if c.given(flag) {
		return nil
	}
	return c.flags.Set(flag, text)
}

// notWith rejects settings that have no effect together with flag main; each comes with the reason. A setting from a weaker
// source (file, environment) than main's is ignored with a note.
func (c *command) notWith(main, value string, settings [][2]string) error {
	for _, setting := range settings {
		name, why := setting[0], setting[1]
		switch rank := c.sources[name].rank; {
		case rank == rankDefault:
		case rank < c.sources[main].rank:
			c.note("%s is not used with --%s: %s", c.from(name), main, why)
		default:
			return usagef("%s: not with %s %s: %s", c.from(name), c.from(main), quoted(value), why)
		}
	}
	return nil
}

// reject rejects settings that have no effect, from sources of a rank or above; why says so.
func (c *command) reject(rank int, why string, flags ...string) error {
	for _, flag := range flags {
		if c.sources[flag].rank >= rank {
			return usagef("%s: %s", c.from(flag), why)
		}
	}
	return nil
}
