package cmd

import (
	"fmt"
	"io"
	"os"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/outfile"
	"github.com/sessbench/sessbench/reports"
	"github.com/sessbench/sessbench/reports/result"
)

// checkSaveBaseline checks the name of --save-baseline and adds its file to the outputs.
func (o *runOptions) checkSaveBaseline() error {
	if !o.given("save-baseline") {
		return nil
	}
	flag := o.from("save-baseline")
	path, err := judge.NewBaselinePath(o.SaveBaseline)
	if err != nil {
		return usagef("%s %s: %w", flag, quoted(o.SaveBaseline), err)
	}
	if err := os.MkdirAll(judge.BaselinesDir, 0o755); err != nil {
		return usagef("%s %s: %w", flag, o.SaveBaseline, err)
	}
	o.output.writes = append(o.output.writes, outfile.Named{Words: flag + " " + o.SaveBaseline, Path: path})
	return nil
}

// saveBaseline writes the result under the name of --save-baseline. It fails for a result that is not fit to be a baseline.
func (o *runOptions) saveBaseline(d *result.Document) error {
	switch {
	case o.SaveBaseline == "":
		return nil
	case d.Failure != "":
		return fmt.Errorf("not saved as baseline %s: the run failed", o.SaveBaseline)
	case d.Interrupted:
		return fmt.Errorf("not saved as baseline %s: the run was interrupted", o.SaveBaseline)
	case d.Failed():
		return fmt.Errorf("not saved as baseline %s: an audit failed", o.SaveBaseline)
	case o.child != nil && o.child.Unattributed():
		return fmt.Errorf("not saved as baseline %s: the process crashed", o.SaveBaseline)
	}
	path, err := judge.NewBaselinePath(o.SaveBaseline)
	if err != nil {
		return err
	}
	return outfile.Write(path, func(w io.Writer) error {
		format, _ := reports.Lookup("json")
		return format.Write(w, d, reports.Options{})
	})
}
