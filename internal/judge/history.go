package judge

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/rogpeppe/go-internal/lockedfile"
	"github.com/sessbench/sessbench/internal/metric"
	"github.com/sessbench/sessbench/internal/outfile"
	"github.com/sessbench/sessbench/internal/printable"
	"github.com/sessbench/sessbench/internal/stats"
	"github.com/sessbench/sessbench/reports/result"
)

// HistoryVersion is the schema version of a line of the history, independent of the result
// document's.
const HistoryVersion = 2

// historyKind distinguishes a line of the history from other JSON of sessbench.
const historyKind = "history"

// HistoryEntry is a line of the history: the summary of one result document. Times are in
// nanoseconds, sizes in bytes.
type HistoryEntry struct {
	SchemaVersion int             `json:"schema_version"`
	Kind          string          `json:"kind"` // history
	ID            string          `json:"id"`   // the document's id, unique in the history
	Created       time.Time       `json:"created"`
	Label         string          `json:"label,omitempty"` // the user's name of the run, for example a commit
	Tool          result.Tool     `json:"tool"`
	Machine       result.Machine  `json:"machine"`
	Settings      HistorySettings `json:"settings"`
	Interrupted   bool            `json:"interrupted,omitempty"` // contains only the trials completed before
	Results       []HistoryResult `json:"results"`
}

// HistorySettings are those of [result.Config], and the hash of recorded traffic under the name traffic.
type HistorySettings map[string]string

const trafficSetting = "traffic"

// UnmarshalJSON also reads the settings of schema version 1.
func (s *HistorySettings) UnmarshalJSON(text []byte) error {
	if json.Unmarshal(text, (*map[string]string)(s)) == nil {
		return nil
	}
	var old struct {
		result.Settings2
		Traffic string
	}
	if err := json.Unmarshal(text, &old); err != nil {
		return err
	}
	*s = old.Settings()
	if old.Traffic != "" {
		(*s)[trafficSetting] = old.Traffic
	}
	return nil
}

// HistoryResult is one strategy under one scenario, with everything that decides whether it is
// comparable.
type HistoryResult struct {
	Scenario string            `json:"scenario"`
	Strategy string            `json:"strategy"`
	Params   map[string]string `json:"params,omitempty"`
	Target   string            `json:"target,omitempty"`
	result.Workload
	Trials  int                `json:"trials"`
	Metrics map[string]float64 `json:"metrics"` // medians over the trials, by the names of the comparison document
}

// NewHistoryEntry summarizes a document for the history. The source's label becomes the run's.
// Results without a speed are excluded and returned with the reason. The error names the file:
// a document without id or creation time, with a result twice, or without any result that has a
// speed.
func NewHistoryEntry(s Source) (*HistoryEntry, []Exclusion, error) {
	d := s.Document
	list, err := distinct(s)
	switch {
	case err != nil:
		return nil, nil, err
	case d.ID == "":
		return nil, nil, fmt.Errorf("%s: no id: want a document written by run", s.File)
	case d.Created.IsZero():
		return nil, nil, fmt.Errorf("%s: no creation time: want a document written by run", s.File)
	}
	e := &HistoryEntry{
		SchemaVersion: HistoryVersion,
		Kind:          historyKind,
		ID:            d.ID,
		Created:       d.Created.UTC(),
		Label:         s.Label,
		Tool:          d.Tool,
		Machine:       d.Machine,
		Settings:      HistorySettings{},
		Interrupted:   d.Interrupted,
	}
	maps.Copy(e.Settings, d.Config.Settings)
	if d.Traffic != nil {
		e.Settings[trafficSetting] = d.Traffic.Hash
	}
	var out []Exclusion
	for _, r := range slices.Concat(ByScenario(list)...) {
		if reason := NoSpeed(r); reason != "" {
			out = append(out, Exclusion{Document: s.File, Scenario: r.Scenario, Strategy: r.Strategy, Reason: reason})
			continue
		}
		e.Results = append(e.Results, historyResult(r))
	}
	if len(e.Results) == 0 {
		first := out[0]
		return nil, out, fmt.Errorf("%s: no result has a speed: %s (%s) %s", s.File, first.Strategy, first.Scenario, first.Reason)
	}
	return e, out, nil
}

func historyResult(r *result.Result) HistoryResult {
	h := HistoryResult{Scenario: r.Scenario, Strategy: r.Strategy, Params: r.Params, Target: r.Target, Workload: r.Workload,
		Trials: len(r.Trials), Metrics: map[string]float64{}}
	for _, m := range metric.Compared() {
		if xs := m.Sample(r); len(xs) > 0 && incomparable(m, r) == "" {
			h.Metrics[m.Name] = stats.Median(xs).Median
		}
	}
	return h
}

// document returns a result document that holds what the entry keeps.
func (e *HistoryEntry) document() *result.Document {
	d := &result.Document{ID: e.ID, Created: e.Created, Tool: e.Tool, Machine: e.Machine, Interrupted: e.Interrupted,
		Config: result.Config{Settings: maps.Clone(e.Settings)}}
	if hash := e.Settings[trafficSetting]; hash != "" {
		delete(d.Config.Settings, trafficSetting)
		d.Traffic = &result.Traffic{Hash: hash}
	}
	return d
}

// result returns a result without trials that holds what r keeps.
func (r *HistoryResult) result() *result.Result {
	return &result.Result{Scenario: r.Scenario, Strategy: r.Strategy, Params: r.Params, Target: r.Target, Workload: r.Workload}
}

// History is a file of runs, one per line. Unknown fields are skipped, and stay in the file.
type History struct {
	Entries []HistoryEntry // in the file's order, each run once
	lines   []int          // of the entries, from 1
	text    []byte         // the file
}

// HistoryError reports an invalid history. It does not name the file.
type HistoryError struct {
	Line   int // from 1; 0: the file as a whole
	Reason string
}

func (e *HistoryError) Error() string {
	if e.Line == 0 {
		return e.Reason
	}
	return fmt.Sprintf("line %d: %s", e.Line, e.Reason)
}

// ParseHistory reads the text of a history. It skips blank lines, and exact repetitions of a
// run, which occur after merging files. Anything else that is not a run of this or an earlier
// schema version is a *HistoryError: skipping a line would change the trend. An empty text is
// an empty history.
func ParseHistory(text []byte) (*History, error) {
	h := &History{text: text}
	n := 0
	for line := range bytes.Lines(text) {
		n++
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		e, err := parseHistoryLine(line)
		if err == nil {
			_, err = h.put(e, n)
		}
		if err != nil {
			return nil, &HistoryError{n, err.Error()}
		}
	}
	return h, nil
}

func parseHistoryLine(line []byte) (*HistoryEntry, error) {
	e := new(HistoryEntry)
	if _, err := (result.Schema{Kind: historyKind, Latest: HistoryVersion, Origin: "written by history add"}).Decode(line, e); err != nil {
		return nil, err
	}
	e.SchemaVersion = HistoryVersion
	printable.Fields(e)
	e.Label = printable.Name(e.Label)
	for i := range e.Results {
		r := &e.Results[i]
		r.Scenario, r.Strategy, r.Target = printable.Name(r.Scenario), printable.Name(r.Strategy), printable.Name(r.Target)
	}
	switch {
	case e.ID == "":
		return nil, errors.New("no id")
	case e.Created.IsZero():
		return nil, errors.New("no date in created")
	case len(e.Results) == 0:
		return nil, errors.New("no results")
	}
	return e, nil
}

// put adds a run that is on a line of the file. isNew is false if the run is already present,
// whatever its label.
func (h *History) put(e *HistoryEntry, line int) (isNew bool, err error) {
	for i := range h.Entries {
		switch old := &h.Entries[i]; {
		case old.ID != e.ID:
		case !old.same(e):
			return false, fmt.Errorf("run %s is already in line %d, with other values", e.ID, h.lines[i])
		default:
			return false, nil
		}
	}
	h.Entries, h.lines = append(h.Entries, *e), append(h.lines, line)
	return true, nil
}

// same reports whether two entries are equal except for their labels.
func (e HistoryEntry) same(other *HistoryEntry) bool {
	o := *other
	e.Label, o.Label = "", ""
	a, errA := json.Marshal(e)
	b, errB := json.Marshal(o)
	return errA == nil && errB == nil && bytes.Equal(a, b)
}

// Labelled returns the label of a run in the history, and whether the run is present.
func (h *History) Labelled(id string) (label string, there bool) {
	for i := range h.Entries {
		if h.Entries[i].ID == id {
			return h.Entries[i].Label, true
		}
	}
	return "", false
}

// Add appends a run unless it is present, with any label. A run of the same id with other
// values is a *HistoryError.
func (h *History) Add(e *HistoryEntry) (added bool, err error) {
	line, err := json.Marshal(e) // one line, whatever is in the label
	if err != nil {
		return false, err
	}
	last := bytes.Count(h.text, []byte("\n"))
	whole := len(h.text) == 0 || h.text[len(h.text)-1] == '\n'
	if !whole {
		last++
	}
	added, err = h.put(e, last+1)
	switch {
	case err != nil:
		return false, &HistoryError{0, err.Error()}
	case !added:
		return false, nil
	case !whole: // an editor removed the last newline
		line = append([]byte{'\n'}, line...)
	}
	h.text = append(append(h.text[:len(h.text):len(h.text)], line...), '\n')
	return true, nil
}

// Write writes the lines; lines that were read are unchanged.
func (h *History) Write(w io.Writer) error {
	_, err := w.Write(h.text)
	return err
}

// DefaultHistoryFile is the default path of the history, below the working directory.
const DefaultHistoryFile = ".sessbench/history.jsonl"

// AppendHistory adds runs to the history at path, which is created if necessary. It returns the
// resulting history and which of the runs are new. Either all runs are added or none: if the
// file is not a history, or holds another run of the same id, the error is a *HistoryError and
// the file is unchanged.
//
// The file is read and rewritten as a whole by [outfile.Write], so that it never holds a
// partial line, even if the process or the machine stops. Appending in place could leave one,
// and the history would be unreadable until it is repaired. Two concurrent writers would lose
// each other's lines, so each holds an exclusive lock on a file beside it, path.lock, because
// the history itself is another file after each write. The system releases the lock when its
// holder ends; the empty lock file stays. Readers need no lock.
func AppendHistory(path string, runs []*HistoryEntry) (h *History, added []bool, err error) {
	if target, err := outfile.Destination(path); err == nil {
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
		err = outfile.Write(path, h.Write)
	}
	return h, added, err
}
