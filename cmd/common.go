package cmd

import (
	"os"
	"strings"

	"github.com/sessbench/sessbench/reports"
)

// common holds the options that several commands share: the strategies, and the outputs.
type common struct {
	*app
	sources // of the settings that are not at their defaults

	Strategies []string
	Params     []string

	Config  string // path of the configuration file, whether named or found
	Format  string
	Out     []string
	Quiet   bool
	NoColor bool

	reads, writes []namedFile // besides Config and Out
}

func (o *common) addStrategyFlags(fs flagGroup) {
	fs.StringArrayVarP(&o.Strategies, "strategy", "S", []string{"all"},
		"`NAMES` of strategies: a,b or all; with settings: sharded:shards=16,sharded:shards=64")
}

func (o *common) addParamFlag(fs flagGroup) {
	fs.StringArrayVarP(&o.Params, "param", "p", nil, "`PARAM=VALUE` for every strategy with this parameter; repeatable")
}

// outputFlags are the flags for outputs in these formats, and for the configuration file.
func (o *common) outputFlags(formats ...string) flagGroup {
	fs := newFlagGroup("Output and configuration")
	o.addFormatFlags(fs, "result", formats)
	fs.StringVarP(&o.Config, configFlag, "c", "", "configuration `FILE` (default sessbench.yaml, .toml or .json in the working directory)")
	fs.BoolVarP(&o.Quiet, "quiet", "q", false, "no progress and no notes on stderr")
	fs.BoolVar(&o.NoColor, "no-color", false, "no colors on a terminal (also: NO_COLOR)")
	return fs
}

// addFormatFlags adds the flags for the formats of an output and the files it is written to.
func (o *common) addFormatFlags(fs flagGroup, what string, formats []string) {
	o.Format = formatTable
	fs.VarP(choice(&o.Format, formats...), "format", "f", "`KIND` of "+what+" on stdout: "+strings.Join(formats, ", "))
	fs.StringArrayVarP(&o.Out, "out", "o", nil, "additional output, `KIND=FILE`; FILE - is stdout and replaces --format; repeatable")
}

// note writes a note to stderr, unless --quiet is set.
func (o *common) note(format string, args ...any) {
	if !o.Quiet {
		o.complain("note: "+format, args...)
	}
}

// screen describes what stdout can display. See https://no-color.org for the environment variable.
func (o *common) screen() reports.Options {
	color := isTerminal(o.out) && !o.NoColor && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	return reports.Options{Color: color, Width: width(o.out)}
}

// notWith rejects settings that have no effect together with flag main; each comes with the reason. A setting from a weaker
// source (file, environment) than main's is ignored with a note.
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
