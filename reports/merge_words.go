package reports

import (
	"fmt"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/reports/result"
)

// participantsLine states from which participants a document was merged, and how closely their
// windows coincided, or is "" for a document of one process. A participant's own document is
// marked as a part.
func participantsLine(d *result.Document) string {
	if p := d.Part; p != nil {
		who := result.Participant{Name: judge.PartName(p), Host: p.Host}
		return fmt.Sprintf("only the operations of the users of %s in run %s", who.Called(), p.RunID)
	}
	if len(d.Participants) == 0 {
		return ""
	}
	var there []string
	joined := false
	var first, second int64 // the largest distances from the instant that was agreed on
	for i := range d.Participants {
		p := &d.Participants[i]
		if p.Lost {
			continue
		}
		there = append(there, fmt.Sprintf("%s with %s", p.Called(), result.FormatCounted(p.Users, "user")))
		joined = joined || p.SkewNs > 0
		switch {
		case p.SkewNs > first:
			first, second = p.SkewNs, first
		case p.SkewNs > second:
			second = p.SkewNs
		}
	}
	line := "merged from " + and(there)
	if joined {
		line += ", whose windows opened within " + result.FormatNs(first+second) + " of each other"
	}
	return line
}

// lostLines names the participants that are missing from a merged document.
func lostLines(d *result.Document) (lines []string) {
	for i := range d.Participants {
		if p := &d.Participants[i]; p.Lost {
			lines = append(lines, fmt.Sprintf("%s is missing: %s. The operations of its users are not included.", p.Called(), p.Why))
		}
	}
	return lines
}
