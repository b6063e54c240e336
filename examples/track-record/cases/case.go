// Package cases describes the bugs of the track record, one YAML file each.
package cases

import (
	"bytes"
	"cmp"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Case is one bug that shipped, and the command that finds it.
type Case struct {
	Name string `yaml:"-"` // the file's, without .yaml

	Project   string `yaml:"project"`
	Version   string `yaml:"version"`   // that has the bug
	Issue     string `yaml:"issue"`     // URL of the report or of the fix
	Mechanism string `yaml:"mechanism"` // one or two sentences

	// Code is whether the project's own code runs, or a reconstruction of the bug. Misuse is a project's own code, which is
	// right, used in a way that it does not support.
	Code    Code     `yaml:"code"`
	Program Program  `yaml:"program"`
	Needs   []string `yaml:"needs"` // programs beside Go, such as node

	Verify Args     `yaml:"verify"` // arguments after verify; without --until it ends with any violation
	Expect []string `yaml:"expect"` // anomalies, of which verify finds one

	// Control has the arguments of a verify of the same store or service without the bug, which finds nothing, and
	// ControlIs says what it verifies: the version with the fix, or the same store on another map.
	Control   Args   `yaml:"control"`
	ControlIs string `yaml:"control_is"`

	// Run has the arguments of a run that shows whether its audit finds the bug, too. NoRun says why there is none.
	Run   Args   `yaml:"run"`
	NoRun string `yaml:"no_run"`
}

// Code is what of a project runs.
type Code string

const (
	Unchanged      Code = "unchanged"
	Reconstruction Code = "reconstruction"
	Misuse         Code = "misuse"
)

// Program is the build of sessbench that has a case's store.
type Program string

const (
	TrackRecord Program = "track-record" // of this module
	Sessbench   Program = "sessbench"    // of the repository
)

// Args are arguments of a command, in YAML a list or one line without quotes.
type Args []string

// UnmarshalYAML implements [yaml.Unmarshaler].
func (a *Args) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		*a = strings.Fields(node.Value)
		return nil
	}
	return node.Decode((*[]string)(a))
}

// String returns the arguments as they are typed in a shell.
func (a Args) String() string {
	words := slices.Clone(a)
	for i, w := range words {
		if strings.ContainsAny(w, " '\"*?;&|<>()$`") {
			words[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(words, " ")
}

// Search returns the arguments with which verify repeats its rounds until it finds the bug.
func (c *Case) Search() Args {
	if slices.Contains(c.Verify, "--until") {
		return c.Verify
	}
	return append(slices.Clone(c.Verify), "--until", "any")
}

//go:embed *.yaml
var files embed.FS

// All returns all cases, ordered by project and name.
func All() ([]Case, error) {
	names, err := fs.Glob(files, "*.yaml")
	if err != nil {
		return nil, err
	}
	var all []Case
	var errs []error
	for _, name := range names {
		text, err := files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		c, err := parse(name, text)
		errs = append(errs, err)
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b Case) int { return cmp.Or(cmp.Compare(a.Project, b.Project), cmp.Compare(a.Name, b.Name)) })
	return all, errors.Join(errs...)
}

func parse(name string, text []byte) (Case, error) {
	c := Case{Name: strings.TrimSuffix(path.Base(name), ".yaml")}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&c); err != nil {
		return c, fmt.Errorf("%s: %w", name, err)
	}
	if err := c.check(); err != nil {
		return c, fmt.Errorf("%s: %w", name, err)
	}
	return c, nil
}

func (c *Case) check() error {
	switch {
	case c.Project == "" || c.Version == "" || c.Mechanism == "":
		return errors.New("want project, version and mechanism")
	case !strings.HasPrefix(c.Issue, "https://"):
		return fmt.Errorf("issue %q: want a URL", c.Issue)
	case c.Code != Unchanged && c.Code != Reconstruction && c.Code != Misuse:
		return fmt.Errorf("code %q: want %s, %s or %s", c.Code, Unchanged, Reconstruction, Misuse)
	case c.Program != TrackRecord && c.Program != Sessbench:
		return fmt.Errorf("program %q: want %s or %s", c.Program, TrackRecord, Sessbench)
	case len(c.Verify) == 0 || len(c.Expect) == 0:
		return errors.New("want verify and expect")
	case (len(c.Run) == 0) == (c.NoRun == ""):
		return errors.New("want either run or no_run")
	case c.Code != Reconstruction && len(c.Control) == 0 && c.ControlIs == "":
		return errors.New("want control, or in control_is why there is none")
	}
	return nil
}
