package cmd

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sessbench/sessbench/internal/outfile"
	"github.com/sessbench/sessbench/internal/setting"
	"github.com/sessbench/sessbench/reports"
)

// output is one kind of result and where it goes.
type output struct {
	kind string
	path string // stdout: standard output
}

// isDirectory reports whether the output is a directory.
func (o output) isDirectory() bool {
	f, ok := reports.Lookup(o.kind)
	return ok && f.Files != nil && o.path != stdout
}

// renderer writes an output of any kind, which the flags have checked: to a stream, or to the files of a directory.
type renderer struct {
	write func(kind string, w io.Writer, screen reports.Options) error
	files func(kind string) ([]outfile.File, error)
}

const stdout = "-"

// formatTable is the default format of every command.
const formatTable = "table"

// outputOptions are the options for the outputs of a command: their formats and their files.
type outputOptions struct {
	*command
	Config  string // path of the configuration file, whether named or found
	Format  string
	Out     []string
	kinds   []string // the legal kinds of Out
	NoColor bool

	reads, writes []outfile.Named // besides Config and Out
	outputs       []output
}

// flagGroup returns the flags for outputs, see [outputOptions.addFormatFlags], and for the configuration file.
func (o *outputOptions) flagGroup(formats []string, onlyFiles ...string) flagGroup {
	fs := newFlagGroup("Output and configuration")
	o.addFormatFlags(fs, "result", formats, onlyFiles...)
	fs.StringVarP(&o.Config, configFlag, "c", "", "configuration `FILE` (default sessbench.yaml, .toml or .json in the working directory)")
	fs.BoolVarP(&o.Quiet, "quiet", "q", false, "no progress and no notes on stderr")
	fs.own()
	return fs
}

// addFormatFlags adds the flags for the formats of an output and the files it is written to. A format is its name, a tab and its
// description. Those of onlyFiles are kinds of --out and not of --format.
func (o *outputOptions) addFormatFlags(fs flagGroup, what string, formats []string, onlyFiles ...string) {
	o.Format = formatTable
	fs.VarP(into(o.Format, setting.Choice(formats...), &o.Format), "format", "f", "`KIND` of "+what+" on stdout: "+strings.Join(setting.Names(formats), ", "))
	kinds := slices.Concat(onlyFiles, formats)
	o.kinds = setting.Names(kinds)
	slices.Sort(o.kinds)
	fs.StringArrayVarP(&o.Out, "out", "o", nil, "additional output, `KIND=FILE`; FILE - is stdout and replaces --format; repeatable")
	fs.complete["out"] = outKinds(kinds)
	fs.BoolVar(&o.NoColor, "no-color", false, "no colors on a terminal (also: NO_COLOR)")
}

// screen describes what stdout can display. See https://no-color.org for the environment variable.
func (o *outputOptions) screen() reports.Options {
	color := isTerminal(o.out) && !o.NoColor && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	return reports.Options{Color: color, Width: width(o.out), Figures: o.figuresFrom(".")}
}

// figuresFrom returns the directory of the figures as seen from a directory, for links; empty if there is none.
func (o *outputOptions) figuresFrom(dir string) string {
	i := slices.IndexFunc(o.outputs, func(out output) bool { return out.kind == reports.SVG && out.path != stdout })
	if i < 0 {
		return ""
	}
	return seenFrom(dir, o.outputs[i].path)
}

// seenFrom returns a path as seen from a directory, with slashes, for links; empty if there is none.
func seenFrom(dir, path string) string {
	from, err := filepath.Abs(dir)
	to, toErr := filepath.Abs(path)
	if err != nil || toErr != nil {
		return ""
	}
	link, err := filepath.Rel(from, to)
	if err != nil { // on another volume
		return ""
	}
	return filepath.ToSlash(link)
}

// wordsOf lists formats for --format and --out, with their descriptions.
func wordsOf[T any](formats []reports.FormatOf[T]) []string {
	return mapped(formats, func(f reports.FormatOf[T]) string { return f.Name + "\t" + f.Doc })
}

// inFormat returns what writes it in the format of a kind.
func inFormat[T any](formats []reports.FormatOf[T], it T) renderer {
	of := func(kind string) reports.FormatOf[T] {
		return formats[slices.IndexFunc(formats, func(f reports.FormatOf[T]) bool { return f.Name == kind })]
	}
	return renderer{
		func(kind string, w io.Writer, screen reports.Options) error { return of(kind).Write(w, it, screen) },
		func(kind string) ([]outfile.File, error) { return of(kind).Files(it) },
	}
}

// printer adds --format to the flags of a command that prints one document, and returns a function that prints it.
func printer[T any](a *app, fs flagGroup, formats []reports.FormatOf[T]) func(it T) error {
	format, words := formatTable, wordsOf(formats)
	fs.VarP(into(format, setting.Choice(words...), &format), "format", "f", "`KIND` of output: "+strings.Join(setting.Names(words), ", "))
	return func(it T) error {
		write := inFormat(formats, it).write
		return a.unstuck(func(w io.Writer) error { return write(format, w, reports.Options{Width: width(a.out)}) }, a.toStdout)
	}
}

// settle resolves --out and --format. It checks, before anything is measured, that every output can be written and replaces
// neither another one nor an input: those in o.reads and o.writes, which the command has added before.
func (o *outputOptions) settle() error {
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
			o.writes = append(o.writes, outfile.Named{Words: flag + " " + quoted(text), Path: path})
			files = append(files, output{kind, path})
		}
	}
	o.addInput("config", o.Config)
	o.addInput("redis-ca", o.redis.CAFile)
	directories := map[string]bool{} // by path
	for _, f := range files {
		directories[f.path] = directories[f.path] || f.isDirectory()
	}
	for _, f := range o.writes {
		check := outfile.Check
		if directories[f.Path] {
			check = outfile.CheckDir
		}
		if err := check(f.Path); err != nil {
			return usagef("%s: %w", f.Words, err)
		}
		for _, other := range slices.Concat(o.reads, o.writes) {
			if directories[f.Path] && other.Path != "" && outfile.Within(other.Path, f.Path) {
				return usagef("%s: %s is in that directory, which is replaced: want another one", f.Words, other.Words)
			}
		}
	}
	if err := o.apart(o.reads, o.writes); err != nil {
		return err
	}
	// Stdout is the last, because a closed one (`| head`) ends the program.
	o.outputs = append(files, output{cmp.Or(onStdout, o.Format), stdout})
	return nil
}

// apart rejects outputs that would replace an input, one another or a stream of this process.
func (a *app) apart(reads, writes []outfile.Named) error {
	if err := outfile.Apart(reads, writes, map[string]io.Writer{"standard output": a.out, "standard error": a.err}); err != nil {
		return usagef("%w", err)
	}
	return nil
}

// argumentFiles are the files of arguments.
func argumentFiles(paths ...string) []outfile.Named {
	return mapped(paths, func(path string) outfile.Named { return outfile.Named{Words: quoted(path), Path: path} })
}

// addInput adds an input, which outputs must not replace.
func (o *outputOptions) addInput(flag, path string) {
	o.reads = append(o.reads, outfile.Named{Words: o.from(flag) + " " + quoted(path), Path: path})
}

// write writes each output with one, also after one that fails.
func (o *outputOptions) write(one renderer) error {
	if err := o.commit(); err != nil {
		return err
	}
	var failed []error
	for _, out := range o.outputs {
		if out.path == stdout {
			if err := o.unstuck(func(w io.Writer) error { return one.write(out.kind, w, o.screen()) }, o.toStdout); err != nil {
				failed = append(failed, fmt.Errorf("write %s to stdout: %w", out.kind, err))
			}
			continue
		}
		if out.isDirectory() {
			files, err := one.files(out.kind)
			if err == nil {
				err = outfile.WriteDir(out.path, files)
			}
			failed = append(failed, err)
			continue
		}
		screen := reports.Options{Figures: o.figuresFrom(filepath.Dir(out.path)), Base: seenFrom(filepath.Dir(out.path), ".")}
		err := o.writeFile(out.path, func(w io.Writer) error { return one.write(out.kind, w, screen) })
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
