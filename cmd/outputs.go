package cmd

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/sessbench/sessbench/internal/outfile"
	"github.com/sessbench/sessbench/reports"
)

// output is one kind of result and where it goes.
type output struct {
	kind string
	path string // stdout: standard output
}

const stdout = "-"

// wordsOf lists formats for --format and --out, with their descriptions.
func wordsOf[T any](formats []reports.FormatOf[T]) []string {
	return mapped(formats, func(f reports.FormatOf[T]) string { return f.Name + "\t" + f.Doc })
}

// inFormat returns a function for [common.write] that writes it in the format of a kind, which the flags have checked.
func inFormat[T any](formats []reports.FormatOf[T], it T) func(kind string, w io.Writer, screen reports.Options) error {
	return func(kind string, w io.Writer, screen reports.Options) error {
		at := slices.IndexFunc(formats, func(f reports.FormatOf[T]) bool { return f.Name == kind })
		return formats[at].Write(w, it, screen)
	}
}

// settleOutputs resolves --out and --format. It checks, before anything is measured, that every output can be written and replaces
// neither another one nor an input: those in o.reads and o.writes, which the command has added before.
func (o *common) settleOutputs() error {
	var files []output
	onStdout := "" // its kind
	flag, legal := o.from("out"), strings.Join(o.kinds, ", ")
	for _, text := range o.Out {
		kind, path, ok := strings.Cut(text, "=")
		switch {
		case !ok || path == "":
			return usagef("%s %s: want KIND=FILE, or KIND=- for stdout, with a kind of %s", flag, quoted(text), legal)
		case !slices.Contains(o.kinds, kind):
			return usagef("%s %s: unknown kind %q: want one of %s", flag, quoted(text), kind, legal)
		case path == stdout && onStdout != "":
			return usagef("%s %s: standard output is written twice: want another file", flag, quoted(text))
		case path == stdout:
			onStdout = kind
		default:
			o.writes = append(o.writes, namedFile{flag + " " + quoted(text), path})
			files = append(files, output{kind, path})
		}
	}
	for _, f := range o.writes {
		if err := outfile.Check(f.path); err != nil {
			return usagef("%s: %w", f.words, err)
		}
	}
	o.addInput("config", o.Config)
	o.addInput("redis-ca", o.redis.CAFile)
	if err := o.apart(o.reads, o.writes); err != nil {
		return err
	}
	// Stdout is the last, because a closed one (`| head`) ends the program.
	o.outputs = append(files, output{cmp.Or(onStdout, o.Format), stdout})
	return nil
}

// addInput adds an input, which outputs must not replace.
func (o *common) addInput(flag, path string) {
	o.reads = append(o.reads, namedFile{o.from(flag) + " " + quoted(path), path})
}

// write writes each output with one, also after one that fails.
func (o *common) write(one func(kind string, w io.Writer, screen reports.Options) error) error {
	if err := o.commit(); err != nil {
		return err
	}
	var failed []error
	for _, out := range o.outputs {
		if out.path == stdout {
			if err := o.unstuck(func(w io.Writer) error { return one(out.kind, w, o.screen()) }, o.toStdout); err != nil {
				failed = append(failed, fmt.Errorf("write %s to stdout: %w", out.kind, err))
			}
			continue
		}
		err := o.writeFile(out.path, func(w io.Writer) error { return one(out.kind, w, reports.Options{}) })
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}

// toStdout is an argument of [app.unstuck] for standard output.
func (a *app) toStdout(write func(io.Writer) error) error { return write(a.out) }

// writeFile is [outfile.Write], which may block forever on a named pipe, but never on a file.
func (a *app) writeFile(path string, write func(io.Writer) error) error {
	if info, err := os.Stat(path); err != nil || info.Mode().IsRegular() {
		return outfile.Write(path, write)
	}
	err := a.unstuck(write, func(write func(io.Writer) error) error { return outfile.Write(path, write) })
	if a.stuck.Load() && err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return err
}
