// Package outfile writes files completely or not at all, and finds outputs that would replace another file.
package outfile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// Destination returns the file that [Write] creates or replaces for path: the target of
// symbolic links, whether or not it exists. If that is not a regular file, it is path itself: a
// link such as /dev/stdout may lead to a pipe, which can be opened through the link and has no
// name.
func Destination(path string) (string, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return path, nil
	}
	const mostLinks = 40 // as on Linux
	for range mostLinks {
		info, err := os.Lstat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return path, nil // Write creates it
		case err != nil:
			return "", err
		case info.Mode()&fs.ModeSymlink == 0:
			return path, nil
		}
		target, err := os.Readlink(path)
		if err != nil {
			return "", err
		}
		if !filepath.IsAbs(target) {
			dir, err := filepath.EvalSymlinks(filepath.Dir(path)) // .. in target is relative to the directory that holds the link
			if err != nil {
				return "", err
			}
			target = filepath.Join(dir, target)
		}
		path = target
	}
	return "", &fs.PathError{Op: "follow", Path: path, Err: errors.New("too many symbolic links")}
}

// Write writes the file at path, completely or not at all: write fills a temporary file in the same directory, which is
// renamed to path when it is complete and on disk. If write or anything else fails, the old file is unchanged and no
// temporary file is left. After a crash either the old or the new file exists.
//
// The permissions of an existing file are kept; a new file gets 0666 less the umask. A symbolic link is followed to its
// [Destination] and stays. A path that is not a regular file (a device, a named pipe) is written to directly.
//
// The package github.com/google/renameio/v2 was considered: it replaces symbolic links, does not sync the directory, and
// on Windows offers only os.WriteFile, which truncates the old file first.
func Write(path string, write func(io.Writer) error) error {
	path, err := Destination(path)
	if err != nil {
		return err
	}
	old, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		old = nil
	case err != nil:
		return err
	case !old.Mode().IsRegular():
		return writeThrough(path, write)
	}
	dir := filepath.Dir(path)
	tmp, err := createTemp(dir, old)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer os.Remove(tmp.Name()) // also when write panics; after the rename it removes nothing
	defer tmp.Close()           // also when write panics; a second close does nothing
	if err := fill(tmp, write); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := syncDir(dir); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// createTemp creates the temporary file that will replace old, nil for a new file. os.CreateTemp cannot be used: it creates
// files with mode 0600, and the umask applies only at creation.
func createTemp(dir string, old fs.FileInfo) (*os.File, error) {
	mode := fs.FileMode(0o666)
	if old != nil {
		mode = old.Mode().Perm()
	}
	for {
		name := filepath.Join(dir, fmt.Sprintf(".sessbench-%x.tmp", rand.Uint64()))
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
		switch {
		case errors.Is(err, fs.ErrExist):
			continue
		case err != nil:
			return nil, err
		}
		if old != nil { // the umask may have narrowed its permissions
			if err := f.Chmod(mode); err != nil {
				return nil, errors.Join(err, f.Close(), os.Remove(name))
			}
		}
		return f, nil
	}
}

// fill writes the temporary file and syncs it, so that its content is on disk before it is
// renamed.
func fill(f *os.File, write func(io.Writer) error) error {
	buf := bufio.NewWriter(f)
	if err := write(buf); err != nil {
		return err
	}
	if err := buf.Flush(); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return f.Close()
}

func writeThrough(path string, write func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	buf := bufio.NewWriter(f)
	if err := errors.Join(write(buf), buf.Flush(), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// syncDir makes a rename in dir survive a crash. On systems where directories cannot be synced
// there is no such guarantee.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, syscall.EINVAL) {
		return err
	}
	return nil
}
