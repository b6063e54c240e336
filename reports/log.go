package reports

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sessbench/sessbench/internal/sheet"
	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/scenarios/trace"
)

// Log is the statistics of a log of recorded traffic.
type Log struct {
	File             string           `json:"file"`
	Format           string           `json:"format"`
	Lines            int64            `json:"lines"`     // header and blank ones included
	Malformed        int64            `json:"malformed"` // skipped
	Used             float64          `json:"used"`      // share of the rows, of one
	Visits           int64            `json:"visits"`
	Sessions         int64            `json:"sessions"`
	Operations       map[string]int64 `json:"operations"`
	Timed            bool             `json:"timed"`
	SpanNs           int64            `json:"span_ns"`
	Inversions       int64            `json:"inversions"` // rows earlier than the row before them
	MaxBytes         int              `json:"max_bytes"`  // the largest entry
	Clipped          int64            `json:"clipped"`    // entries that were larger and are cut to it
	VisitsPerSession logSpread        `json:"visits_per_session"`
	Zipf             float64          `json:"zipf"`

	Burstiness         *float64 `json:"burstiness"` // null: too little to measure
	BurstinessInMinute *float64 `json:"burstiness_in_minute"`

	assumed bool // the unit of its times was guessed
}

type logSpread struct {
	P50 int64 `json:"p50"`
	P90 int64 `json:"p90"`
	P99 int64 `json:"p99"`
	Max int64 `json:"max"`
}

// NewLog describes a log by its statistics.
func NewLog(r *trace.Reader, s trace.Stats) Log {
	v := s.VisitsPerSession
	return Log{
		File: r.Name(), Format: r.Format(), Lines: s.Lines, Malformed: s.Malformed, Used: s.Used(),
		Visits: s.Visits, Sessions: s.Sessions, Operations: s.ByName(),
		Timed: s.Timed, assumed: r.AssumedSeconds(), SpanNs: int64(s.Span), Inversions: s.Inversions, MaxBytes: s.MaxSize, Clipped: s.Clipped,
		VisitsPerSession: logSpread{v.P50, v.P90, v.P99, v.Max},
		Zipf:             s.Zipf, Burstiness: unlessNaN(s.Burstiness), BurstinessInMinute: unlessNaN(s.BurstinessInMinute),
	}
}

// unlessNaN is nil for NaN, which JSON cannot represent.
func unlessNaN(x float64) *float64 {
	if math.IsNaN(x) {
		return nil
	}
	return &x
}

// LogFormats returns the formats of logs by name.
func LogFormats() []FormatOf[[]Log] {
	return kind[[]Log]{name: "statistics", shows: "sessions, visits, operations, span, popularity, burstiness", page: logsPage}.formats()
}

func logsPage(list []Log, _ Options) *sheet.Page {
	p := &sheet.Page{}
	for _, l := range list {
		p.Table(sheet.Words([]string{l.File, l.Format}, l.rows()))
	}
	return p
}

// ClippedSizes is a note on sizes that were reduced.
func ClippedSizes(n int64) string {
	return fmt.Sprintf("%s above %s bytes reduced to that, the greatest size of a message (docs/adapter-protocol.md)",
		result.FormatCounted(int(n), "size"), result.FormatCount(scenarios.MaxSize))
}

// rows is the table of the statistics.
func (l *Log) rows() [][]string {
	span, inversions := "no times", result.Nothing
	if l.Timed {
		span, inversions = time.Duration(l.SpanNs).Round(time.Millisecond).String(), result.FormatCount(l.Inversions)
		if l.assumed {
			span += ", times taken as seconds (--trace-time-unit)"
		}
	}
	largest := result.FormatBytes(float64(l.MaxBytes))
	if l.Clipped > 0 {
		largest += ": " + ClippedSizes(l.Clipped)
	}
	v := l.VisitsPerSession
	return [][]string{
		{"lines", fmt.Sprintf("%s, %s malformed", result.FormatCount(l.Lines), result.FormatCount(l.Malformed))},
		{"rows used", result.FormatShare(l.Used)},
		{"sessions", result.FormatCount(l.Sessions)},
		{"visits", result.FormatCount(l.Visits)},
		{"visits per session", fmt.Sprintf("p50 %d, p90 %d, p99 %d, max %d", v.P50, v.P90, v.P99, v.Max)},
		{"operations", l.operations()},
		{"largest entry", largest},
		{"span", span},
		{"out of order", inversions},
		{"popularity", "Zipf " + strconv.FormatFloat(l.Zipf, 'f', 2, 64)},
		{"burstiness", burstiness(l.Burstiness)},
		{"… within a minute", burstiness(l.BurstinessInMinute)},
	}
}

func (l *Log) operations() string {
	var total int64
	var parts []string
	for name, n := range l.Operations {
		total += n
		parts = append(parts, name+" "+result.FormatCount(n))
	}
	slices.Sort(parts)
	return result.FormatCount(total) + ": " + strings.Join(parts, ", ")
}

func burstiness(x *float64) string {
	if x == nil {
		return result.Nothing
	}
	return strconv.FormatFloat(*x, 'f', 2, 64)
}
