package outfile

import (
	"path/filepath"
	"runtime"
	"testing"
)

func TestSameName(t *testing.T) {
	for _, test := range []struct {
		a, b, goos string
		same       bool
	}{
		{"r.json", "R.json", "darwin", true},
		{"r.json", "R.JSON", "windows", true},
		{"r.json", "R.json", "linux", false},
		{"r.json", "r.json", "linux", true},
		{"r.json", "r.csv", "windows", false},
	} {
		if got := sameName(test.a, test.b, test.goos); got != test.same {
			t.Errorf("%s and %s on %s: %v: want %v", test.a, test.b, test.goos, got, test.same)
		}
	}
}

// Outputs that do not exist yet are distinguished as on this system.
func TestIdentityOfNewFiles(t *testing.T) {
	dir := t.TempDir()
	a, b := Of(filepath.Join(dir, "r.json")), Of(filepath.Join(dir, "R.json"))
	if got, want := a.Same(b), sameName("r.json", "R.json", runtime.GOOS); got != want {
		t.Errorf("%v: want %v", got, want)
	}
}
