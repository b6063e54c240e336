package cmd

import (
	"os"
	"strings"

	"github.com/sessbench/sessbench/reports"
)

// common is what the commands that put strategies to a test are asked for alike: which strategies, and where the
// results go.
type common struct {
	*app
	sources // of the settings that are not at their defaults

	Strategies []string
	Params     []string

	Config  string // a file; also one that was found without being named
	Format  string
	Out     []string
	Quiet   bool
	NoColor bool

	reads, writes []namedFile // besides Config and Out
}

func (o *common) addStrategyFlags(fs flagGroup) {
	fs.StringArrayVarP(&o.Strategies, "strategy", "S", []string{"all"},
		"`NAMES` of strategies, a,b or all; one at two settings: sharded:shards=16,sharded:shards=64")
}

func (o *common) addParamFlag(fs flagGroup) {
	fs.StringArrayVarP(&o.Params, "param", "p", nil, "a setting for every strategy that has it, `PARAM=VALUE`; repeatable")
}

// outputFlags are the flags for the results, which can be had on stdout in these formats.
func (o *common) outputFlags(formats ...string) flagGroup {
	fs := newFlagGroup("Output and configuration")
	o.addFormatFlags(fs, "result", formats)
	fs.StringVarP(&o.Config, configFlag, "c", "", "settings from `FILE` (yaml, toml, json); else sessbench.yaml, .toml or .json if there")
	fs.BoolVarP(&o.Quiet, "quiet", "q", false, "no progress and no notes on stderr")
	fs.BoolVar(&o.NoColor, "no-color", false, "no colors on a terminal (also: NO_COLOR)")
	return fs
}

// addFormatFlags adds the flags that say in which formats something is written, and where.
func (o *common) addFormatFlags(fs flagGroup, what string, formats []string) {
	o.Format = formatTable
	fs.VarP(choice(&o.Format, formats...), "format", "f", "`KIND` of "+what+" on stdout: "+strings.Join(formats, ", "))
	fs.StringArrayVarP(&o.Out, "out", "o", nil, "also write `KIND=FILE`; - is stdout, in place of --format; repeatable")
}

// note says on stderr what the user may want to know, unless told to be quiet.
func (o *common) note(format string, args ...any) {
	if !o.Quiet {
		o.complain("note: "+format, args...)
	}
}

// screen is what stdout can show. See https://no-color.org for the environment variable.
func (o *common) screen() reports.Options {
	color := isTerminal(o.out) && !o.NoColor && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	return reports.Options{Color: color, Width: width(o.out)}
}

// notWith refuses settings that have no meaning beside the one of flag main, each with what says so. A setting
// from a weaker source (file, environment) than main's gives way to it, with a note.
func (o *common) notWith(main, value string, settings [][2]string) error {
	for _, setting := range settings {
		name, why := setting[0], setting[1]
		switch rank := o.sources[name].rank; {
		case rank == rankDefault:
		case rank < o.sources[main].rank:
			o.note("%s is not used with --%s: %s", o.from(name), main, why)
		default:
			return usagef("%s: not with %s %s: %s", o.from(name), o.from(main), quoted(value), why)
		}
	}
	return nil
}
