package judge

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/rogpeppe/go-internal/lockedfile"

	"github.com/sessbench/sessbench/reports/result"
)

// DefaultHistoryFile is where a history is kept unless somebody says otherwise, below the working directory.
const DefaultHistoryFile = ".sessbench/history.jsonl"

// AppendHistory adds runs to the history at path, a new file where there is none, and returns the history as it then is
// and which of the runs are new in it. All are added or none: where the file holds something else than a history, or
// another run of the same id, the error is a *HistoryError and the file stays as it is.
//
// The file is read, and written anew as a whole by [result.WriteFile], so that it never holds half a line, whenever a
// process or the machine stops. An append in place could leave one, and with it a history that cannot be read until
// somebody repairs it. Two that add at once would lose one's lines in this way, so each holds an exclusive lock
// meanwhile: of a file beside it, path.lock, since the history itself is another file after each write. The system
// gives the lock up when its holder ends, however it ends; the empty file stays. Readers need no lock.
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
