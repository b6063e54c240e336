package cmd

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/sessbench/sessbench/reports/result"
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
		identity
	}
	var others []known
	add := func(f known, against []known) error {
		for _, other := range against {
			if f.same(other.identity) {
				return usagef("%s: the same file as %s: want another file", f.words, other.words)
			}
		}
		others = append(others, f)
		return nil
	}
	for _, f := range reads {
		if f.path != "" {
			_ = add(known{f.words, identify(f.path)}, nil)
		}
	}
	inputs := others
	for name, stream := range map[string]io.Writer{"standard output": a.out, "standard error": a.err} {
		if err := add(known{name, identityOfStream(stream)}, inputs); err != nil {
			return err
		}
	}
	for _, f := range writes {
		if err := add(known{f.words, identify(f.path)}, others); err != nil {
			return err
		}
	}
	return nil
}

// identity identifies a file: the file itself where it exists, else its directory and its name there. The zero value equals
// no identity.
type identity struct {
	file os.FileInfo
	dir  os.FileInfo
	name string
}

// identify returns the identity of the file at path, the zero value where there can be none.
func identify(path string) identity {
	path, err := result.Destination(path)
	if err != nil {
		return identity{}
	}
	info, err := os.Stat(path)
	switch {
	case err == nil:
		return identity{file: info}
	case errors.Is(err, fs.ErrNotExist):
		dir, _ := os.Stat(filepath.Dir(path))
		return identity{dir: dir, name: filepath.Base(path)}
	}
	return identity{}
}

// identityOfStream returns the identity of the regular file that a stream goes to.
func identityOfStream(stream io.Writer) identity {
	f, ok := stream.(*os.File)
	if !ok {
		return identity{}
	}
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		return identity{file: info}
	}
	return identity{}
}

// same reports whether writing one of two files would replace the other. Nothing replaces a device: /dev/null and a
// terminal may be written to, and read from, by any number of names.
func (a identity) same(b identity) bool {
	switch {
	case a.file != nil && b.file != nil:
		return a.file.Mode()&fs.ModeDevice == 0 && os.SameFile(a.file, b.file)
	case a.dir != nil && b.dir != nil:
		return sameName(a.name, b.name, runtime.GOOS) && os.SameFile(a.dir, b.dir)
	}
	return false
}

// sameName reports whether two names in one directory denote the same file on usual file systems of that system.
func sameName(a, b, goos string) bool {
	if goos == "darwin" || goos == "windows" {
		return strings.EqualFold(a, b)
	}
	return a == b
}

// writable reports why a file could not be written the way [result.WriteFile] does.
func writable(path string) error {
	path, err := result.Destination(path)
	if err != nil {
		return withoutCall(err)
	}
	switch info, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist): // to be made
	case err != nil:
		return withoutCall(err)
	case info.IsDir():
		return errors.New("is a directory: want a file")
	case !info.Mode().IsRegular():
		return nil // a device or a pipe, which cannot be checked without writing
	case info.Mode().Perm()&0o222 == 0: // although root and the owner of the directory could replace it
		return errors.New("is read-only: want a file that can be written")
	default:
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return fmt.Errorf("cannot be written: %w", withoutCall(err))
		}
		f.Close()
	}
	probe, err := os.CreateTemp(filepath.Dir(path), ".sessbench-*.tmp")
	if err != nil {
		return fmt.Errorf("cannot create a file in %s: %w", filepath.Dir(path), withoutCall(err))
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

// withoutCall strips the system call and the path from an error of the file system.
func withoutCall(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}
