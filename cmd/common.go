package cmd

import (
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/sessbench/sessbench/internal/setting"
	"github.com/sessbench/sessbench/reports"
)

// common holds the options that several commands share: the strategies, and the outputs.
type common struct {
	*app
	flags   *pflag.FlagSet
	sources // of the settings that are not at their defaults

	Strategies []string
	Params     []string
	onlyStores bool // --strategy names no probes of the harness

	Config  string // path of the configuration file, whether named or found
	Format  string
	Out     []string
	kinds   []string // the legal kinds of Out
	Quiet   bool
	NoColor bool

	reads, writes []namedFile // besides Config and Out
	outputs       []output
}

func (o *common) addStrategyFlags(fs flagGroup) {
	fs.StringArrayVarP(&o.Strategies, "strategy", "S", []string{"all"},
		"`NAMES` of strategies: a,b or all; with settings: sharded:shards=16,sharded:shards=64")
	fs.complete["strategy"] = o.strategyList(o.strategyWords)
}

func (o *common) addParamFlag(fs flagGroup) {
	fs.StringArrayVarP(&o.Params, "param", "p", nil, "`PARAM=VALUE` for every strategy with this parameter; repeatable")
	fs.complete["param"] = listOf(func() []string { return paramWords("", slices.Concat(o.strategies(), o.remote())...) })
}

// outputFlags are the flags for outputs, see [common.addFormatFlags], and for the configuration file.
func (o *common) outputFlags(formats []string, onlyFiles ...string) flagGroup {
	fs := newFlagGroup("Output and configuration")
	o.addFormatFlags(fs, "result", formats, onlyFiles...)
	fs.StringVarP(&o.Config, configFlag, "c", "", "configuration `FILE` (default sessbench.yaml, .toml or .json in the working directory)")
	fs.BoolVarP(&o.Quiet, "quiet", "q", false, "no progress and no notes on stderr")
	fs.own()
	return fs
}

// addFormatFlags adds the flags for the formats of an output and the files it is written to. A format is its name, a tab and its
// description. Those of onlyFiles are kinds of --out and not of --format.
func (o *common) addFormatFlags(fs flagGroup, what string, formats []string, onlyFiles ...string) {
	o.Format = formatTable
	fs.VarP(into(o.Format, setting.Choice(formats...), &o.Format), "format", "f", "`KIND` of "+what+" on stdout: "+strings.Join(setting.Names(formats), ", "))
	kinds := slices.Concat(onlyFiles, formats)
	o.kinds = setting.Names(kinds)
	slices.Sort(o.kinds)
	fs.StringArrayVarP(&o.Out, "out", "o", nil, "additional output, `KIND=FILE`; FILE - is stdout and replaces --format; repeatable")
	fs.complete["out"] = outKinds(kinds)
	fs.BoolVar(&o.NoColor, "no-color", false, "no colors on a terminal (also: NO_COLOR)")
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

// reject rejects settings that have no effect, from sources of a rank or above; why says so.
func (o *common) reject(rank int, why string, flags ...string) error {
	for _, flag := range flags {
		if o.sources[flag].rank >= rank {
			return usagef("%s: %s", o.from(flag), why)
		}
	}
	return nil
}
