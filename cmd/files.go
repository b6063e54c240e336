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

// namedFile is a file that a command reads or writes. Words is what names it: the flag with its value, or an argument.
type namedFile struct{ words, path string }

// argumentFiles names files by themselves, as arguments do.
func argumentFiles(paths ...string) (list []namedFile) {
	for _, path := range paths {
		list = append(list, namedFile{quoted(path), path})
	}
	return list
}

// apart refuses outputs that would replace an input or one another, however their paths are spelled and whatever links
// lead to them. The process's own output streams count as outputs where they go to files.
func (a *app) apart(reads, writes []namedFile) error {
	type known struct {
		words string
		identity
	}
	var others []known
	for _, f := range reads {
		if f.path == "" {
			continue
		}
		others = append(others, known{f.words, identify(f.path)})
	}
	inputs := len(others)
	for name, stream := range map[string]io.Writer{"standard output": a.out, "standard error": a.err} {
		id := identityOfStream(stream)
		for _, input := range others[:inputs] {
			if id.same(input.identity) {
				return usagef("%s: the same file as %s: want another file", name, input.words)
			}
		}
		others = append(others, known{name, id})
	}
	for _, f := range writes {
		id := identify(f.path)
		for _, other := range others {
			if id.same(other.identity) {
				return usagef("%s: the same file as %s: want another file", f.words, other.words)
			}
		}
		others = append(others, known{f.words, id})
	}
	return nil
}

// identity tells one file from another: by the file itself where it exists, else by its directory and its name there. The
// zero value is the same as nothing.
type identity struct {
	file os.FileInfo
	dir  os.FileInfo
	name string
}

// identify returns the identity of the file that path leads to, the zero value where it can be none.
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

// identityOfStream returns the identity of the file that a stream goes to. A pipe or a terminal is none: nothing replaces it.
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

// sameName reports whether two names in one directory are a single file's, as file systems usually have it on that system.
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
		return nil // a device or a pipe, of which only writing tells
	case info.Mode().Perm()&0o222 == 0: // which does not keep root, or who owns the directory, from replacing it
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
		return fmt.Errorf("no file can be made in %s: %w", filepath.Dir(path), withoutCall(err))
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

// withoutCall is an error of the file system without the system call and the path.
func withoutCall(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}
