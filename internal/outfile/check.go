package outfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Check reports why [Write] could not write a file.
func Check(path string) error {
	path, err := Destination(path)
	if err != nil {
		return WithoutCall(err)
	}
	switch info, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist): // to be made
	case err != nil:
		return WithoutCall(err)
	case info.IsDir():
		return errors.New("is a directory: want a file")
	case !info.Mode().IsRegular():
		return nil // a device or a pipe, which cannot be checked without writing
	case info.Mode().Perm()&0o222 == 0: // although root and the owner of the directory could replace it
		return errors.New("is read-only: want a file that can be written")
	default:
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return fmt.Errorf("cannot be written: %w", WithoutCall(err))
		}
		f.Close()
	}
	probe, err := os.CreateTemp(filepath.Dir(path), ".sessbench-*.tmp")
	if err != nil {
		return fmt.Errorf("cannot create a file in %s: %w", filepath.Dir(path), WithoutCall(err))
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

// WithoutCall strips the system call and the path from an error of the file system.
func WithoutCall(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}
