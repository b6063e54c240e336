package outfile

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func content(s string) func(io.Writer) error {
	return func(w io.Writer) error { _, err := io.WriteString(w, s); return err }
}

// wantDir checks that dir holds exactly one file, of this name and content: no temporary one beside it.
func wantDir(t *testing.T, dir, name, want string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 || entries[0].Name() != name {
		t.Fatalf("the directory holds %v, want only %s", entries, name)
	}
	got, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s holds %q, want %q", name, got, want)
	}
}

func wantMode(t *testing.T, path string, want os.FileMode) {
	t.Helper()
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := st.Mode().Perm(); got != want {
		t.Errorf("%s has mode %o, want %o", path, got, want)
	}
}

func TestWriteMakesANewFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "r.json")
	if err := Write(path, content("new")); err != nil {
		t.Fatal(err)
	}
	wantDir(t, dir, "r.json", "new")
}

func TestWriteKeepsPermissions(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "r.json")
	if err := os.WriteFile(path, []byte("old and longer"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, content("new")); err != nil {
		t.Fatal(err)
	}
	wantDir(t, dir, "r.json", "new")
	wantMode(t, path, 0o600)
}

func TestWriteLeavesTheOldFileWhenWritingFails(t *testing.T) {
	broken := errors.New("reporter broke")
	tests := []struct {
		why   string
		write func(io.Writer) error
	}{
		{"at once", func(io.Writer) error { return broken }},
		{"half way", func(w io.Writer) error { _, _ = io.WriteString(w, `{"schema_ver`); return broken }},
		{"after more than a buffer", func(w io.Writer) error { _, _ = w.Write(make([]byte, 1<<16)); return broken }},
	}
	for _, tt := range tests {
		dir := t.TempDir()
		path := filepath.Join(dir, "r.json")
		if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := Write(path, tt.write); !errors.Is(err, broken) {
			t.Errorf("%s: got %v, want it to wrap the writer's error", tt.why, err)
		}
		wantDir(t, dir, "r.json", "old")
	}
}

func TestWriteCleansUpAfterAPanic(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "r.json")
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	func() {
		defer func() { _ = recover() }()
		_ = Write(path, func(io.Writer) error { panic("reporter") })
	}()
	wantDir(t, dir, "r.json", "old")
}

func TestWriteFollowsALink(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	target := filepath.Join(elsewhere, "real.json")
	if err := os.WriteFile(target, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link.json")
	if err := os.Symlink(target, link); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	if err := Write(link, content("new")); err != nil {
		t.Fatal(err)
	}
	wantDir(t, elsewhere, "real.json", "new")
	if st, err := os.Lstat(link); err != nil || st.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v, %v", st, err)
	}
}

func TestWriteFollowsALinkToAFileThatDoesNotExistYet(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	link, second := filepath.Join(dir, "link.json"), filepath.Join(elsewhere, "second.json")
	if err := os.Symlink(second, link); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	if err := os.Symlink("real.json", second); err != nil { // relative to its own directory
		t.Fatal(err)
	}
	if err := Write(link, content("new")); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{link, second} {
		if st, err := os.Lstat(path); err != nil || st.Mode()&os.ModeSymlink == 0 {
			t.Errorf("the link %s is gone: %v, %v", path, st, err)
		}
	}
	if got, err := os.ReadFile(filepath.Join(elsewhere, "real.json")); err != nil || string(got) != "new" {
		t.Errorf("the linked file holds %q, %v: want new", got, err)
	}
}

func TestWriteRefusesALinkToItself(t *testing.T) {
	link := filepath.Join(t.TempDir(), "link.json")
	if err := os.Symlink(link, link); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	never := func(io.Writer) error { t.Error("write was called"); return nil }
	if err := Write(link, never); err == nil {
		t.Error("no error")
	}
	if st, err := os.Lstat(link); err != nil || st.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v, %v", st, err)
	}
}

func TestWriteTakesTheLongestNames(t *testing.T) {
	dir := t.TempDir()
	name := strings.Repeat("n", 255)
	if err := os.WriteFile(filepath.Join(dir, name), nil, 0o666); err != nil {
		t.Skip("no names of 255 bytes here:", err)
	}
	if err := Write(filepath.Join(dir, name), content("new")); err != nil {
		t.Fatal(err)
	}
	wantDir(t, dir, name, "new")
}

func TestWriteDoesNotReplaceADevice(t *testing.T) {
	before, err := os.Stat(os.DevNull)
	if err != nil || before.Mode().IsRegular() {
		t.Skip("no null device here")
	}
	if err := Write(os.DevNull, content("into the void")); err != nil {
		t.Error(err)
	}
	if after, err := os.Stat(os.DevNull); err != nil || after.Mode() != before.Mode() {
		t.Fatalf("the null device was replaced: %v, %v", after, err)
	}
}

func TestWriteWhereNothingCanBeWritten(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	never := func(io.Writer) error { t.Error("write was called"); return nil }
	for why, path := range map[string]string{
		"a directory that does not exist": filepath.Join(dir, "missing", "r.json"),
		"a file in the directory's place": filepath.Join(plain, "r.json"),
		"a directory in the file's place": dir,
	} {
		if err := Write(path, never); err == nil {
			t.Errorf("%s: no error", why)
		}
	}
	wantDir(t, dir, "plain", "")
	if os.Geteuid() == 0 {
		return // root may write anywhere
	}
	locked := filepath.Join(dir, "locked")
	if err := os.Mkdir(locked, 0o500); err != nil {
		t.Fatal(err)
	}
	if err := Write(filepath.Join(locked, "r.json"), never); !errors.Is(err, os.ErrPermission) {
		t.Errorf("a directory without write permission: got %v", err)
	}
}
