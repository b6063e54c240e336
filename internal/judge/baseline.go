package judge

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// BaselinesDir is the directory of baselines with names, in the working directory.
const BaselinesDir = ".sessbench"

const documentExtension = ".json"

// isBaselineName distinguishes a name in BaselinesDir from a path: it has no slash and does not end in .json.
func isBaselineName(text string) bool {
	return !strings.ContainsRune(text, '/') && !strings.ContainsRune(text, filepath.Separator) &&
		!strings.HasSuffix(text, documentExtension)
}

// BaselinePath is the path of a stored baseline, given by its name or path. It fails for an illegal or unknown name, but does
// not check that a path exists.
func BaselinePath(text string) (string, error) {
	if text != "" && !isBaselineName(text) {
		return text, nil
	}
	path, err := NewBaselinePath(text)
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return "", errors.New("no baseline of that name: " + knownBaselines())
	}
	return path, nil
}

// knownBaselines is the part of an error that lists the legal names.
func knownBaselines() string {
	if names := BaselineNames(); names != nil {
		return "want one of " + strings.Join(names, ", ") + ", or a file"
	}
	return BaselinesDir + " has none: want a file, or run --save-baseline NAME first"
}

// BaselineNames lists the names of the existing baselines.
func BaselineNames() (names []string) {
	entries, _ := os.ReadDir(BaselinesDir) // sorted
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), documentExtension)
		if _, err := NewBaselinePath(name); ok && !e.IsDir() && err == nil {
			names = append(names, name)
		}
	}
	return names
}

var baselineName = regexp.MustCompile(`^\w[\w.-]*$`)

// NewBaselinePath is the path of a baseline with a name. It rejects names that are paths or hidden files.
func NewBaselinePath(name string) (string, error) {
	if !baselineName.MatchString(name) || strings.HasSuffix(name, documentExtension) {
		return "", errors.New("want a name of letters, digits, dots, dashes and underscores " +
			"that does not begin with . or - and does not end in " + documentExtension)
	}
	return filepath.Join(BaselinesDir, name+documentExtension), nil
}
