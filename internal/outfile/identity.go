package outfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// Identity identifies a file: the file itself where it exists, else its directory and its name there. The zero value equals
// no identity.
type Identity struct {
	file os.FileInfo
	dir  os.FileInfo
	name string
}

// Of returns the identity of the file at path, the zero value where there can be none.
func Of(path string) Identity {
	path, err := Destination(path)
	if err != nil {
		return Identity{}
	}
	info, err := os.Stat(path)
	switch {
	case err == nil:
		return Identity{file: info}
	case errors.Is(err, fs.ErrNotExist):
		dir, _ := os.Stat(filepath.Dir(path))
		return Identity{dir: dir, name: filepath.Base(path)}
	}
	return Identity{}
}

// OfStream returns the identity of the regular file that a stream goes to.
func OfStream(stream io.Writer) Identity {
	f, ok := stream.(*os.File)
	if !ok {
		return Identity{}
	}
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		return Identity{file: info}
	}
	return Identity{}
}

// Same reports whether writing one of two files would replace the other. Nothing replaces a device: /dev/null and a
// terminal may be written to, and read from, by any number of names.
func (a Identity) Same(b Identity) bool {
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
