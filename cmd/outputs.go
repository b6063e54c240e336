package cmd

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sessbench/sessbench/reports"
	"github.com/sessbench/sessbench/reports/result"
)

// output is one kind of result and where it goes.
type output struct {
	kind string
	path string // stdout: standard output
}

const stdout = "-"

// kindsOf is the names of formats, as --format and --out take them.
func kindsOf[T any](formats []reports.FormatOf[T]) (names []string) {
	for _, f := range formats {
		names = append(names, f.Name)
	}
	return names
}

// wordsOf has shells complete them, each with its description behind a tab.
func wordsOf[T any](formats []reports.FormatOf[T]) func() []string {
	return func() (words []string) {
		for _, f := range formats {
			words = append(words, f.Name+"\t"+f.Doc)
		}
		return words
	}
}

// asAsked writes it in the format of a kind, one that was checked with the flags: for [common.write].
func asAsked[T any](formats []reports.FormatOf[T], it T) func(kind string, w io.Writer, screen reports.Options) error {
	return func(kind string, w io.Writer, screen reports.Options) error {
		at := slices.IndexFunc(formats, func(f reports.FormatOf[T]) bool { return f.Name == kind })
		return formats[at].Write(w, it, screen)
	}
}

// rank is where the output comes among several: files first, for whoever closes stdout early (`| head`) ends the program.
func (o output) rank() int {
	if o.path == stdout {
		return 1
	}
	return 0
}

// outputs resolves --out and --format and makes sure that every file can be written, before anything is measured.
// kinds are those that can be written.
func (o *common) outputs(kinds ...string) ([]output, error) {
	var list []output
	taken := map[string]bool{}
	flag, legal := o.from("out"), strings.Join(kinds, ", ")
	for _, text := range o.Out {
		kind, path, ok := strings.Cut(text, "=")
		switch {
		case !ok || path == "":
			return nil, usagef("%s %s: want KIND=FILE, or KIND=- for stdout, with a kind of %s", flag, quoted(text), legal)
		case !slices.Contains(kinds, kind):
			return nil, usagef("%s %s: unknown kind %q: want one of %s", flag, quoted(text), kind, legal)
		case taken[filepath.Clean(path)]:
			return nil, usagef("%s %s: %s is written twice", flag, quoted(text), path)
		}
		if path != stdout {
			if err := writable(path); err != nil {
				return nil, usagef("%s %s: %w", flag, quoted(text), err)
			}
		}
		taken[filepath.Clean(path)] = true
		list = append(list, output{kind, path})
	}
	if !taken[stdout] {
		list = append(list, output{o.Format, stdout})
	}
	slices.SortStableFunc(list, func(a, b output) int { return a.rank() - b.rank() })
	return list, nil
}

// writable reports why a file could not be written the way [result.WriteFile] does.
func writable(path string) error {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	switch info, err := os.Stat(path); {
	case err == nil && info.IsDir():
		return errors.New("is a directory: want a file")
	case err == nil && !info.Mode().IsRegular():
		return nil // a device or a pipe, of which only writing tells
	}
	probe, err := os.CreateTemp(filepath.Dir(path), ".sessbench-*.tmp")
	if err != nil {
		var at *os.PathError
		if errors.As(err, &at) {
			err = at.Err
		}
		return fmt.Errorf("no file can be made in %s: %w", filepath.Dir(path), err)
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

// write has one write each output, for what the screen can show. One that fails does not keep the others from being written.
func (o *common) write(list []output, one func(kind string, w io.Writer, screen reports.Options) error) error {
	var failed []error
	for _, out := range list {
		if out.path == stdout {
			if err := one(out.kind, o.out, o.screen()); err != nil {
				failed = append(failed, fmt.Errorf("write %s to stdout: %w", out.kind, err))
			}
			continue
		}
		if err := result.WriteFile(out.path, func(w io.Writer) error {
			return one(out.kind, w, reports.Options{})
		}); err != nil {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}
