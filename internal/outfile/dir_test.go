package outfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// saying returns a file of a directory.
func saying(name, text string) File {
	return File{name, func(w io.Writer) error {
		_, err := io.WriteString(w, Mark+" "+text)
		return err
	}}
}

// contents returns what is in a directory, by name; nil if it does not exist.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	found := map[string]string{}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		found[e.Name()] = strings.TrimPrefix(string(text), Mark+" ")
	}
	return found
}

// A directory is new, replaced as a whole if WriteDir wrote it, also through a link, and unchanged if a file cannot be written.
func TestWriteDir(t *testing.T) {
	parent := t.TempDir()
	dir, link := filepath.Join(parent, "d"), filepath.Join(parent, "l")
	if err := os.Symlink("d", link); err != nil {
		t.Skip(err)
	}
	failing := File{"z", func(io.Writer) error { return errors.New("a test") }}
	for _, c := range []struct {
		name, path string
		files      []File
		fails      bool
		want       string // the text of the only file, a; "": no directory
	}{
		{"not written", dir, []File{saying("a", "0"), failing}, true, ""},
		{"new", dir, []File{saying("a", "1")}, false, "1"},
		{"replaced", dir, []File{saying("a", "2")}, false, "2"},
		{"through a link", link, []File{saying("a", "3")}, false, "3"},
		{"not replaced", link, []File{saying("b", "4"), failing}, true, "3"},
		{"a name with a directory", dir, []File{saying("no/b", "5")}, true, "3"},
	} {
		if err := WriteDir(c.path, c.files); (err != nil) != c.fails {
			t.Errorf("%s: %v", c.name, err)
		}
		got := contents(t, dir)
		if c.want == "" && got != nil || c.want != "" && (len(got) != 1 || got["a"] != c.want) {
			t.Errorf("%s: %q", c.name, got)
		}
		if left, _ := filepath.Glob(filepath.Join(parent, ".sessbench-*")); left != nil {
			t.Errorf("%s: %v is left", c.name, left)
		}
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link was replaced: %v %v", info, err)
	}
}

// What WriteDir did not write is not replaced.
func TestWriteDirReplacesOnlyItsOwn(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(dir string) error
		want string
	}{
		{"empty", func(dir string) error { return os.Mkdir(dir, 0o755) }, ""},
		{"a file", func(dir string) error { return os.WriteFile(dir, nil, 0o644) }, "is not a directory"},
		{"another file beside", func(dir string) error {
			return errors.Join(WriteDir(dir, []File{saying("a", "1")}), os.WriteFile(filepath.Join(dir, "b"), []byte("mine"), 0o644))
		}, `holds "b"`},
		{"files in XML", func(dir string) error {
			return WriteDir(dir, []File{{"a.svg", func(w io.Writer) error { _, err := io.WriteString(w, MarkXML+"<svg/>"); return err }}})
		}, ""},
		{"XML of others", func(dir string) error {
			return errors.Join(os.Mkdir(dir, 0o755), os.WriteFile(filepath.Join(dir, "a.svg"), []byte(`<?xml version="1.0" encoding="UTF-8"?>`+"\n<svg/>\n"), 0o644))
		}, `holds "a.svg"`},
		{"a directory in it", func(dir string) error { return os.MkdirAll(filepath.Join(dir, "c"), 0o755) }, `holds "c"`},
		{"no parent", func(string) error { return nil }, "cannot create a directory"},
	} {
		dir := filepath.Join(t.TempDir(), "d")
		if c.name == "no parent" {
			dir = filepath.Join(dir, "d")
		}
		if err := c.make(dir); err != nil {
			t.Fatal(err)
		}
		for _, err := range []error{CheckDir(dir), WriteDir(dir, []File{saying("a", "2")})} {
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v: want %q", c.name, err, c.want)
			}
		}
	}
	t.Chdir(t.TempDir())
	if err := CheckDir("."); err == nil || !strings.Contains(err.Error(), "working directory") {
		t.Errorf("the working directory: %v", err)
	}
}

func TestWithin(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "d"), 0o755); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{"d/new": true, "d/../d/x": true, "new": false, "d": false, "other/x": false} {
		if got := Within(filepath.Join(dir, path), filepath.Join(dir, "d")); got != want {
			t.Errorf("%s in d: %v", path, got)
		}
	}
}
