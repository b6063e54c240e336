//go:build unix

package outfile

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestWriteHonorsTheUmask(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0))
	for _, tt := range []struct {
		why         string
		umask       int
		fresh, kept os.FileMode
	}{
		{"the usual one", 0o022, 0o644, 0o664},
		{"a private one", 0o077, 0o600, 0o664},
		{"a group's", 0o002, 0o664, 0o664},
		{"none", 0, 0o666, 0o664},
	} {
		syscall.Umask(tt.umask)
		dir := t.TempDir()
		fresh, kept := filepath.Join(dir, "fresh"), filepath.Join(dir, "kept")
		if err := os.WriteFile(kept, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(kept, 0o664); err != nil {
			t.Fatal(err)
		}
		for path, mode := range map[string]os.FileMode{fresh: tt.fresh, kept: tt.kept} {
			if err := Write(path, content("new")); err != nil {
				t.Fatal(err)
			}
			t.Run(tt.why, func(t *testing.T) { wantMode(t, path, mode) })
		}
	}
}
