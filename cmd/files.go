package cmd

import (
	"io"

	"github.com/sessbench/sessbench/internal/outfile"
)

// namedFile is a file that a command reads or writes. words is its name in errors: the flag with its value, or an argument.
type namedFile struct{ words, path string }

// argumentFiles are the files of arguments.
func argumentFiles(paths ...string) []namedFile {
	return mapped(paths, func(path string) namedFile { return namedFile{quoted(path), path} })
}

// apart rejects outputs that would replace an input or one another, through links and different spellings, too. The
// output streams of the process count as outputs where they go to files.
func (a *app) apart(reads, writes []namedFile) error {
	type known struct {
		words string
		outfile.Identity
	}
	var others []known
	add := func(f known, against []known) error {
		for _, other := range against {
			if f.Same(other.Identity) {
				return usagef("%s: the same file as %s: want another file", f.words, other.words)
			}
		}
		others = append(others, f)
		return nil
	}
	for _, f := range reads {
		if f.path != "" {
			_ = add(known{f.words, outfile.Of(f.path)}, nil)
		}
	}
	inputs := others
	for name, stream := range map[string]io.Writer{"standard output": a.out, "standard error": a.err} {
		if err := add(known{name, outfile.OfStream(stream)}, inputs); err != nil {
			return err
		}
	}
	for _, f := range writes {
		if err := add(known{f.words, outfile.Of(f.path)}, others); err != nil {
			return err
		}
	}
	return nil
}
