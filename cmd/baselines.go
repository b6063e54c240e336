package cmd

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/sessbench/sessbench/reports"
	"github.com/sessbench/sessbench/reports/result"
)

// baselinesDir is where results are kept by name, below the working directory.
const baselinesDir = ".sessbench"

const documentExtension = ".json"

// isBaselineName tells a name in baselinesDir from a file's path: it is a word without a slash that does not end in .json.
func isBaselineName(text string) bool {
	return !strings.ContainsRune(text, '/') && !strings.ContainsRune(text, filepath.Separator) &&
		!strings.HasSuffix(text, documentExtension)
}

// baselinePath is the file that a stored baseline is in, by its name or its path. The error is of a name that cannot be
// one, or that nothing is kept by; whether there is a file at a path is for whoever reads it.
func baselinePath(text string) (string, error) {
	if text != "" && !isBaselineName(text) {
		return text, nil
	}
	if err := checkBaselineName(text); err != nil {
		return "", err
	}
	path := fileOfBaseline(text)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%s: no baseline of that name: %s", quoted(text), knownBaselines())
	}
	return path, nil
}

func fileOfBaseline(name string) string { return filepath.Join(baselinesDir, name+documentExtension) }

// knownBaselines says what an error offers in place of a name that is none.
func knownBaselines() string {
	if names := baselineNames(); names != nil {
		return "want one of " + strings.Join(names, ", ") + ", or a file"
	}
	return "there is none in " + baselinesDir + ": want a file, or run --save-baseline NAME before"
}

// baselineNames lists the names of the baselines there are.
func baselineNames() (names []string) {
	entries, _ := os.ReadDir(baselinesDir) // sorted
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), documentExtension)
		if ok && !e.IsDir() && checkBaselineName(name) == nil {
			names = append(names, name)
		}
	}
	return names
}

// checkBaselineName refuses what would be no file in baselinesDir, or a path where a name is wanted.
func checkBaselineName(name string) error {
	letter := func(r rune) bool {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("._-", r)
	}
	bad := name == "" || name[0] == '.' || name[0] == '-' || strings.HasSuffix(name, documentExtension) ||
		strings.ContainsFunc(name, func(r rune) bool { return !letter(r) })
	if bad {
		return fmt.Errorf("%s: want a name of letters, digits, dots, dashes and underscores "+
			"that begins with none of . and - and does not end in %s", quoted(name), documentExtension)
	}
	return nil
}

// checkSaveBaseline makes sure that the name of --save-baseline is one, and adds its file to the outputs.
func (o *runOptions) checkSaveBaseline() error {
	if o.sources["save-baseline"].rank == rankDefault {
		return nil
	}
	flag := o.from("save-baseline")
	if err := checkBaselineName(o.SaveBaseline); err != nil {
		return usagef("%s %w", flag, err)
	}
	if err := os.MkdirAll(baselinesDir, 0o755); err != nil {
		return usagef("%s %s: %w", flag, o.SaveBaseline, err)
	}
	o.writes = append(o.writes, namedFile{flag + " " + o.SaveBaseline, fileOfBaseline(o.SaveBaseline)})
	return nil
}

// saveBaseline keeps the result under the name of --save-baseline. What is no good as a baseline is not kept, which the
// error says.
func (o *runOptions) saveBaseline(d *result.Document) error {
	switch {
	case o.SaveBaseline == "":
		return nil
	case d.Failure != "":
		return fmt.Errorf("not kept as baseline %s: the run failed", o.SaveBaseline)
	case d.Interrupted:
		return fmt.Errorf("not kept as baseline %s: the run was interrupted", o.SaveBaseline)
	case d.Failed():
		return fmt.Errorf("not kept as baseline %s: an audit failed", o.SaveBaseline)
	case o.child != nil && len(o.child.open)+len(o.child.givenUp) > 0:
		return fmt.Errorf("not kept as baseline %s: the process crashed", o.SaveBaseline)
	}
	return result.WriteFile(fileOfBaseline(o.SaveBaseline), func(w io.Writer) error {
		format, _ := reports.Lookup(formatJSON)
		return format.Write(w, d, reports.Options{})
	})
}
