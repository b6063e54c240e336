package distributed

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/reports/result"
)

// Part describes this participant in its document.
func (p *Participant) Part() *result.Part {
	return &result.Part{RunID: p.o.RunID, Index: p.index, Count: p.o.Of, Host: p.o.Host, SkewNs: int64(p.skew)}
}

// MergeError reports documents that are not parts of one run.
type MergeError struct{ Err error }

func (e *MergeError) Error() string { return e.Err.Error() }

func (e *MergeError) Unwrap() error { return e.Err }

// Merge merges the documents that [Participant.Finish] returned, and adds the reasons of losses; nil if there is no document.
// An empty part has no document.
func (p *Participant) Merge(parts map[int][]byte) (*result.Document, error) {
	var sources []judge.Source
	for _, i := range slices.Sorted(maps.Keys(parts)) {
		if len(parts[i]) == 0 {
			continue
		}
		name := fmt.Sprintf("participant %d", i+1)
		d, err := result.Read(bytes.NewReader(parts[i]))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		sources = append(sources, judge.Source{Label: name, File: name, Document: d})
	}
	if sources == nil {
		return nil, nil
	}
	whole, err := judge.Merge(sources)
	if err != nil {
		return nil, &MergeError{err}
	}
	for _, l := range p.Losses() {
		for i := range whole.Participants {
			if part := &whole.Participants[i]; part.Missing && part.Index == l.Index {
				part.Host, part.Reason = l.Host, l.Why
			}
		}
	}
	return whole, nil
}
