package outfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// File is a file in a directory.
type File struct {
	Name  string
	Write func(io.Writer) error
}

// Mark begins each file that [WriteDir] writes, so that the directory is recognized when it is to be replaced. MarkXML begins those in
// XML.
const (
	Mark    = "#[sessbench]"
	MarkXML = `<?xml version="1.0" encoding="UTF-8"?>` + "\n<!-- " + Mark + " -->\n"
)

// CheckDir reports why [WriteDir] could not write a directory: it must be new, empty, or written by WriteDir.
func CheckDir(path string) error {
	path, old, err := directory(path)
	if err != nil {
		return WithoutCall(err)
	}
	if old != nil {
		if !old.IsDir() {
			return errors.New("is not a directory: want a directory")
		}
		if here, err := os.Stat("."); err == nil && os.SameFile(here, old) {
			return errors.New("is the working directory: want another one")
		}
		if err := onlyMarked(path); err != nil {
			return err
		}
	}
	probe, err := os.MkdirTemp(filepath.Dir(path), ".sessbench-*.tmp")
	if err != nil {
		return fmt.Errorf("cannot create a directory in %s: %w", filepath.Dir(path), WithoutCall(err))
	}
	return os.Remove(probe)
}

// directory follows symbolic links to a directory. old is nil if nothing is there.
func directory(path string) (_ string, old fs.FileInfo, err error) {
	switch old, err = os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist):
		path, err = Destination(path)
		return path, nil, err
	case err == nil:
		path, err = filepath.EvalSymlinks(path)
	}
	return path, old, err
}

// onlyMarked reports what is in a directory that WriteDir has not written.
func onlyMarked(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return WithoutCall(err)
	}
	for _, e := range entries {
		if !e.Type().IsRegular() || !marked(filepath.Join(dir, e.Name())) {
			return fmt.Errorf("holds %q, which sessbench did not write: want a new or empty directory", e.Name())
		}
	}
	return nil
}

func marked(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	begin := make([]byte, len(MarkXML))
	n, err := io.ReadFull(f, begin)
	begin = begin[:n]
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return false
	}
	return bytes.HasPrefix(begin, []byte(Mark)) || bytes.HasPrefix(begin, []byte(MarkXML))
}

// WriteDir writes a directory with files, completely or not at all, like [Write]: the files are written to a temporary directory beside it,
// which is renamed to path. An earlier one is moved away before that, and removed after it; after a crash in between it has a
// temporary name. It is replaced only if [CheckDir] allows that.
func WriteDir(path string, files []File) (err error) {
	if err := CheckDir(path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("write %s: %w", path, err)
		}
	}()
	at, old, err := directory(path)
	if err != nil {
		return err
	}
	parent := filepath.Dir(at)
	temp := func() string { return filepath.Join(parent, fmt.Sprintf(".sessbench-%x.tmp", rand.Uint64())) }
	tmp := temp()
	if err := os.Mkdir(tmp, 0o777); err != nil {
		return err
	}
	defer os.RemoveAll(tmp) // after the rename it removes nothing
	for _, f := range files {
		if err := newFile(filepath.Join(tmp, f.Name), f.Write); err != nil {
			return err
		}
	}
	if err := syncDir(tmp); err != nil {
		return err
	}
	if old == nil {
		return errors.Join(os.Rename(tmp, at), syncDir(parent))
	}
	if err := os.Chmod(tmp, old.Mode().Perm()); err != nil { // the umask may have narrowed its permissions
		return err
	}
	away := temp()
	if err := os.Rename(at, away); err != nil {
		return err
	}
	if err := os.Rename(tmp, at); err != nil {
		return errors.Join(err, os.Rename(away, at))
	}
	return errors.Join(os.RemoveAll(away), syncDir(parent))
}

func newFile(path string, write func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	defer f.Close() // also when write fails or panics; a second close does nothing
	return fill(f, write)
}

// Within reports whether the file at path is, or would be, in the directory dir.
func Within(path, dir string) bool {
	path, err := Destination(path)
	if err != nil {
		return false
	}
	in, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return false
	}
	of, err := os.Stat(dir)
	return err == nil && os.SameFile(in, of)
}
