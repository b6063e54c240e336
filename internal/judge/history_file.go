package judge

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/rogpeppe/go-internal/lockedfile"

	"github.com/sessbench/sessbench/reports/result"
)

// DefaultHistoryFile is the default path of the history, below the working directory.
const DefaultHistoryFile = ".sessbench/history.jsonl"

// AppendHistory adds runs to the history at path, which is created if necessary. It returns the
// resulting history and which of the runs are new. Either all runs are added or none: if the
// file is not a history, or holds another run of the same id, the error is a *HistoryError and
// the file is unchanged.
//
// The file is read and rewritten as a whole by [result.WriteFile], so that it never holds a
// partial line, even if the process or the machine stops. Appending in place could leave one,
// and the history would be unreadable until it is repaired. Two concurrent writers would lose
// each other's lines, so each holds an exclusive lock on a file beside it, path.lock, because
// the history itself is another file after each write. The system releases the lock when its
// holder ends; the empty lock file stays. Readers need no lock.
func AppendHistory(path string, runs []*HistoryEntry) (h *History, added []bool, err error) {
	if target, err := result.Destination(path); err == nil {
		path = target // whichever link it is reached by, it has one lock
	}
	unlock, err := lockedfile.MutexAt(path + ".lock").Lock()
	if err != nil {
		return nil, nil, fmt.Errorf("lock %s: %w", path, err)
	}
	defer unlock()
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	if h, err = ParseHistory(text); err != nil {
		return nil, nil, err
	}
	isNew := false
	for _, e := range runs {
		ok, err := h.Add(e)
		if err != nil {
			return nil, nil, err
		}
		added, isNew = append(added, ok), isNew || ok
	}
	if isNew {
		err = result.WriteFile(path, h.Write)
	}
	return h, added, err
}
