package cmd

import (
	"os"
	"path/filepath"

	"github.com/sessbench/sessbench/internal/outfile"
	"github.com/sessbench/sessbench/internal/runner"
	"github.com/sessbench/sessbench/reports/result"
)

// explainOptions are the options for the reasons of what run measures.
type explainOptions struct {
	*command
	Explain bool
	Profile string // directory
}

// flagGroup returns the flags.
func (o *explainOptions) flagGroup() flagGroup {
	fs := newFlagGroup("Why")
	fs.BoolVar(&o.Explain, "explain", false,
		"after the trials, find in a pass of its own where the time of each strategy's operations goes: locks, work, CPU, garbage collection")
	fs.StringVar(&o.Profile, "profile", "",
		"new or empty `DIRECTORY` for the profiles of each strategy (cpu, mutex, block, heap) and its execution trace; implies --explain")
	fs.own("explain", "profile")
	return fs
}

// configure checks the options, and adds what they ask for to the configuration of a run.
func (o *explainOptions) configure(cfg *runner.Config, work *workOptions, join *joinOptions) (err error) {
	flag := "explain"
	if o.Profile != "" {
		flag = "profile"
		if err := outfile.CheckDir(o.Profile); err != nil {
			return usagef("%s %s: %w", o.from(flag), quoted(o.Profile), err)
		}
		if list, err := os.ReadDir(o.Profile); err == nil && len(list) > 0 {
			return usagef("%s %s: is not empty: want a new or an empty directory", o.from(flag), quoted(o.Profile))
		}
		if cfg.Profile, err = filepath.Abs(o.Profile); err != nil {
			return err
		}
	}
	if cfg.Explain = o.Explain || o.Profile != ""; !cfg.Explain {
		return nil
	}
	switch {
	case work.find():
		return usagef("%s: not with %s, which has trials at many rates: want --rate with it", o.from(flag), o.from(findFlag))
	case join.Join != "":
		return usagef("%s: not with %s: only the users of one process are observed", o.from(flag), o.from("join"))
	}
	return nil
}

// record names the files of a document's profiles as the command line names the directory.
func (o *explainOptions) record(d *result.Document) {
	abs, err := filepath.Abs(o.Profile)
	if o.Profile == "" || err != nil {
		return
	}
	for i := range d.Results {
		if x := d.Results[i].Explanation; x != nil {
			for j := range x.Profiles {
				if rel, err := filepath.Rel(abs, x.Profiles[j].File); err == nil && filepath.IsAbs(x.Profiles[j].File) {
					x.Profiles[j].File = filepath.ToSlash(filepath.Join(o.Profile, rel))
				}
			}
		}
	}
}
