package cmd

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/sessbench/sessbench/internal/outfile"
	"github.com/sessbench/sessbench/reports"
	"github.com/sessbench/sessbench/reports/result"
)

// baselinesDir is the directory of baselines with names, in the working directory.
const baselinesDir = ".sessbench"

const documentExtension = ".json"

// isBaselineName distinguishes a name in baselinesDir from a path: it has no slash and does not end in .json.
func isBaselineName(text string) bool {
	return !strings.ContainsRune(text, '/') && !strings.ContainsRune(text, filepath.Separator) &&
		!strings.HasSuffix(text, documentExtension)
}

// baselinePath is the path of a stored baseline, given by its name or path. It fails for an illegal or unknown name, but does
// not check that a path exists.
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

// knownBaselines is the part of an error that lists the legal names.
func knownBaselines() string {
	if names := baselineNames(); names != nil {
		return "want one of " + strings.Join(names, ", ") + ", or a file"
	}
	return baselinesDir + " has none: want a file, or run --save-baseline NAME first"
}

// baselineNames lists the names of the existing baselines.
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

var baselineName = regexp.MustCompile(`^\w[\w.-]*$`)

// checkBaselineName rejects names that are paths or hidden files.
func checkBaselineName(name string) error {
	if !baselineName.MatchString(name) || strings.HasSuffix(name, documentExtension) {
		return fmt.Errorf("%s: want a name of letters, digits, dots, dashes and underscores "+
			"that does not begin with . or - and does not end in %s", quoted(name), documentExtension)
	}
	return nil
}

// checkSaveBaseline checks the name of --save-baseline and adds its file to the outputs.
func (o *runOptions) checkSaveBaseline() error {
	if !o.given("save-baseline") {
		return nil
	}
	flag := o.from("save-baseline")
	if err := checkBaselineName(o.SaveBaseline); err != nil {
		return usagef("%s %w", flag, err)
	}
	if err := os.MkdirAll(baselinesDir, 0o755); err != nil {
		return usagef("%s %s: %w", flag, o.SaveBaseline, err)
	}
	o.output.writes = append(o.output.writes, namedFile{flag + " " + o.SaveBaseline, fileOfBaseline(o.SaveBaseline)})
	return nil
}

// saveBaseline writes the result under the name of --save-baseline. It fails for a result that is not fit to be a baseline.
func (o *runOptions) saveBaseline(d *result.Document) error {
	switch {
	case o.SaveBaseline == "":
		return nil
	case d.Failure != "":
		return fmt.Errorf("not saved as baseline %s: the run failed", o.SaveBaseline)
	case d.Interrupted:
		return fmt.Errorf("not saved as baseline %s: the run was interrupted", o.SaveBaseline)
	case d.Failed():
		return fmt.Errorf("not saved as baseline %s: an audit failed", o.SaveBaseline)
	case o.child != nil && o.child.Unattributed():
		return fmt.Errorf("not saved as baseline %s: the process crashed", o.SaveBaseline)
	}
	return outfile.Write(fileOfBaseline(o.SaveBaseline), func(w io.Writer) error {
		format, _ := reports.Lookup("json")
		return format.Write(w, d, reports.Options{})
	})
}
