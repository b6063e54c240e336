package cases

import (
	"strings"
	"testing"
)

const valid = `project: a/x
version: v1
issue: https://x/1
mechanism: It forgets.
code: unchanged
program: track-record
verify: -S x
expect: [lost update]
control: [-S, sync-map-control]
control_is: another map
run: -S x
`

func TestAll(t *testing.T) {
	all, err := All()
	if err != nil || len(all) == 0 {
		t.Errorf("%d cases, %v", len(all), err)
	}
}

func TestParse(t *testing.T) {
	c, err := parse("dir/x-1.yaml", []byte(valid))
	if err != nil || c.Name != "x-1" || c.Verify.String() != "-S x" || len(c.Control) != 2 {
		t.Errorf("got %+v, %v", c, err)
	}
	for _, test := range []struct{ why, old, new, err string }{
		{"an unknown key", "project:", "projekt:", "projekt"},
		{"no mechanism", "It forgets.", "''", "mechanism"},
		{"no URL", "https://x/1", "1", "issue"},
		{"other code", "unchanged", "changed", "code"},
		{"another program", "track-record", "other", "program"},
		{"nothing to verify", "-S x\nexpect", "''\nexpect", "verify"},
		{"both", "run: -S x", "run: -S x\nno_run: why", "either run or no_run"},
		{"neither", "run: -S x", "", "either run or no_run"},
		{"no control", "control: [-S, sync-map-control]\ncontrol_is: another map\n", "", "control"},
	} {
		_, err := parse("x.yaml", []byte(strings.Replace(valid, test.old, test.new, 1)))
		if err == nil || !strings.Contains(err.Error(), test.err) {
			t.Errorf("%s: got %v, want %q", test.why, err, test.err)
		}
	}
}

func TestArgsString(t *testing.T) {
	if got, want := (Args{"--target", "http:a.yaml", "it's"}).String(), `--target http:a.yaml 'it'\''s'`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestSearch(t *testing.T) {
	for _, test := range []struct {
		why    string
		verify Args
		want   string
	}{
		{"any violation", Args{"-S", "x"}, "-S x --until any"},
		{"one of several", Args{"-S", "x", "--until", "lost update"}, "-S x --until 'lost update'"},
	} {
		if got := (&Case{Verify: test.verify}).Search().String(); got != test.want {
			t.Errorf("%s: got %s, want %s", test.why, got, test.want)
		}
	}
}
