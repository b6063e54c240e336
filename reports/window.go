package reports

import (
	"fmt"
	"math"
	"time"

	"github.com/sessbench/sessbench/reports/result"
)

// cyclesToSee is how many consecutive operations a suggested window has room for. One would
// suffice for a value above 0.
const cyclesToSee = 10

// emptyWindows states that trials ended before an operation was completed in them, why, and
// which -d would suffice, or is "".
func emptyWindows(r *result.Result) string {
	empty, fastest, think := 0, int64(math.MaxInt64), int64(0)
	for i := range r.Trials {
		t := &r.Trials[i]
		think = max(think, t.ThinkNs)
		if t.Ops == 0 {
			empty++
		}
		if t.LatencyNs.Count > 0 { // operations that began in the window and ended after it
			fastest = min(fastest, fastestOf(t))
		}
	}
	if empty == 0 {
		return ""
	}
	where := ""
	if r.WindowNs > 0 {
		where = " within " + time.Duration(r.WindowNs).String()
	}
	text := fmt.Sprintf("no operation was completed%s in %d of %d trials", where, empty, len(r.Trials))
	if r.WindowNs == 0 || fastest == math.MaxInt64 {
		return text
	}
	if r.HoldNs > r.WindowNs {
		text += fmt.Sprintf(": the hold of %s is longer than that", time.Duration(r.HoldNs))
	} else {
		text += fmt.Sprintf(": the fastest took %s", result.FormatNs(fastest))
	}
	cycle := max(fastest, r.HoldNs) + max(think, r.ThinkNs)
	return text + fmt.Sprintf("; -d %s would suffice", roundUp(time.Duration(cyclesToSee*cycle)))
}

// fastestOf is the shortest latency of a trial that has some, or the mean if its histogram is
// missing.
func fastestOf(t *result.Trial) int64 {
	if h, err := result.DecodeHistogram(t.Histogram); err == nil {
		return h.Min()
	}
	return t.LatencyNs.Mean
}

// roundUp rounds a positive duration up to two significant digits: 1.001s is 1.1s.
func roundUp(d time.Duration) time.Duration {
	unit := time.Duration(1)
	for d/unit >= 100 {
		unit *= 10
	}
	return (d + unit - 1) / unit * unit
}
