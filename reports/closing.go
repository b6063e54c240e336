package reports

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/metric"
	"github.com/sessbench/sessbench/internal/sheet"
	"github.com/sessbench/sessbench/internal/stats"
	"github.com/sessbench/sessbench/reports/result"
)

// little is the relative difference from the baseline below which changing the strategy is not
// worthwhile.
const little = 0.10

// closings states the conclusions, one line per scenario, preceded by failures and
// interruptions.
func closings(d *result.Document, all []*section) []string {
	lines := endings(d)
	if len(all) == 0 {
		return append(lines, noTrial)
	}
	for _, s := range all {
		line := strings.Join(s.closing(), " ")
		if len(all) > 1 {
			line = s.scenario + ": " + line
		}
		lines = append(lines, line)
	}
	return lines
}

const noTrial = "No trial was completed."

// endings state why the document is not complete.
func endings(d *result.Document) []string {
	lines := lostLines(d)
	switch {
	case d.Failure != "":
		why := strings.Join(strings.Fields(d.Failure), " ")
		lines = append(lines, "The run failed: "+why+". This result contains only the trials completed before.")
	case d.Interrupted:
		lines = append(lines, "Interrupted: this result contains only the trials completed before.")
	}
	return lines
}

// closing states in a few sentences which strategy won, by how much, and how certain that is.
func (s *section) closing() []string { return append(s.verdicts(), s.exceptions()...) }

// verdicts are the sentences about the ranked results. The last one is about the best.
func (s *section) verdicts() []string {
	switch {
	case s.searched():
		return []string{s.searchVerdict()}
	case s.open():
		return s.openVerdict(s.ranking())
	}
	return []string{s.verdict(s.ranking())}
}

// exceptions are the sentences about results that are not ranked.
func (s *section) exceptions() (sentences []string) {
	if struck := s.named((*result.Result).Failed); len(struck) > 0 {
		sentences = append(sentences, excludedBy+sheet.And(struck)+".")
	}
	unranked := s.named(func(r *result.Result) bool { return !r.Failed() && judge.WhyUnranked(r) != "" })
	if len(unranked) > 0 && !s.searched() {
		sentences = append(sentences, "Not ranked: "+sheet.And(unranked)+".")
	}
	if s.baseline != nil && s.baseline.Failed() {
		sentences = append(sentences, "Without "+s.baseline.Strategy+" there is no baseline to compare with.")
	}
	return sentences
}

// ranking returns the results that may be ranked, the fastest first. Excluded are failed
// audits, probes of the harness, rows with a note, and rows that [judge.WhyUnranked] excludes.
func (s *section) ranking() []*result.Result {
	ranked := slices.DeleteFunc(slices.Clone(s.results), func(r *result.Result) bool {
		return r.Failed() || !r.Audited() || r.Note != "" || judge.WhyUnranked(r) != "" || r.Summary.OpsPerSec.Median <= 0
	})
	slices.SortStableFunc(ranked, func(a, b *result.Result) int {
		return cmp.Compare(b.Summary.OpsPerSec.Median, a.Summary.OpsPerSec.Median)
	})
	return ranked
}

// verdict is the sentence about the ranked results.
func (s *section) verdict(ranked []*result.Result) string {
	switch len(ranked) {
	case 0:
		return "No row has a speed to report."
	case 1:
		only := ranked[0]
		return fmt.Sprintf("Only %s can be ranked: %s ops/s.", only.Strategy, result.FormatRate(only.Summary.OpsPerSec.Median))
	}
	if !judge.SameDelays(ranked) {
		return "The rows are not ranked: their measured " + judge.DelayNames() + " times differ by more than 5 %."
	}
	winner := ranked[0]
	tied := indistinguishable(ranked, judge.Throughputs)
	if text := s.nothingGained(ranked); text != "" {
		return text
	}
	if took := s.longest(); took > 0 && took < metric.ShortTrial {
		return fmt.Sprintf("All trials took at most %s: the lock strategy makes little difference here.",
			result.FormatNs(int64(took)))
	}
	if !slices.ContainsFunc(ranked[1:], func(r *result.Result) bool { return judge.Versus(r, winner).Bounded() }) {
		return fmt.Sprintf("%s has the highest throughput%s, but with fewer than %d common trials this may be chance.",
			winner.Strategy, s.lead(winner), stats.MinSamples)
	}
	if len(tied) > 1 {
		return "The fastest are " + sheet.And(labels(tied)) + ", which cannot be distinguished" + s.tiedLead(tied) + "."
	}
	if vs := s.vsBaseline(winner); vs != nil {
		return winner.Strategy + " is the fastest" + s.lead(winner) + "."
	}
	next := ranked[1]
	vs := judge.Versus(winner, next)
	text := fmt.Sprintf("%s is the fastest: %s %s, the second fastest%s.",
		winner.Strategy, result.FormatRatio(vs.Ratio), next.Strategy, intervalText(vs.Lo, vs.Hi))
	if winner.Baseline {
		text += " No other strategy is faster than the baseline here."
	}
	return text
}

// indistinguishable returns the results whose values, by block, cannot be distinguished from those of the first.
func indistinguishable(ranked []*result.Result, values func(*result.Result) stats.Blocks) []*result.Result {
	rates := make([]stats.Blocks, len(ranked))
	for i, r := range ranked {
		rates[i] = values(r)
	}
	var tied []*result.Result
	for _, i := range stats.Indistinguishable(rates) {
		tied = append(tied, ranked[i])
	}
	return tied
}

// nothingGained is the verdict if every strategy performs about as well as the baseline, or "".
func (s *section) nothingGained(ranked []*result.Result) string {
	noise, small := true, true
	var lo, hi, least, most float64
	for _, r := range ranked {
		if r.Baseline {
			continue
		}
		vs := s.vsBaseline(r)
		if vs == nil || vs.Hi <= 0 {
			return "" // unknown is not the same as equal
		}
		if most == 0 {
			lo, hi, least, most = vs.Lo, vs.Hi, vs.Ratio, vs.Ratio
		}
		lo, hi = min(lo, vs.Lo), max(hi, vs.Hi)
		least, most = min(least, vs.Ratio), max(most, vs.Ratio)
		noise = noise && stats.Ratio(*vs).SameAsOne()
		small = small && 1-little <= vs.Ratio && vs.Ratio <= 1+little
	}
	switch {
	case noise:
		return fmt.Sprintf("No strategy can be distinguished from %s (all intervals lie within %s): the lock strategy makes little difference here.",
			s.baseline.Strategy, result.FormatRatioRange(lo, hi))
	case small:
		return fmt.Sprintf("All strategies are within %s of %s (%s): the lock strategy makes little difference here.",
			percent(little), s.baseline.Strategy, result.FormatRatioRange(least, most))
	}
	return ""
}

// vsBaseline is r's ratio to the baseline, or nil. A foreign document may hold a ratio without
// a baseline.
func (s *section) vsBaseline(r *result.Result) *result.Ratio {
	if s.baseline == nil {
		return nil
	}
	return r.Summary.VsBaseline
}

// lead states how far the winner is ahead of the baseline: ": 83× global (80–85×)", or "" if
// unknown.
func (s *section) lead(winner *result.Result) string {
	vs := s.vsBaseline(winner)
	if vs == nil {
		return ""
	}
	return ": " + result.FormatRatio(vs.Ratio) + " " + s.baseline.Strategy + intervalText(vs.Lo, vs.Hi)
}

// tiedLead states the ratios of the strategies that share the first place: ": 81–83× global".
func (s *section) tiedLead(tied []*result.Result) string {
	var least, most float64
	for _, r := range tied {
		vs := s.vsBaseline(r)
		switch {
		case r.Baseline:
			return ": no other strategy is clearly faster than " + r.Strategy + " here"
		case vs == nil:
			return ""
		case most == 0:
			least, most = vs.Ratio, vs.Ratio
		}
		least, most = min(least, vs.Ratio), max(most, vs.Ratio)
	}
	if result.FormatRatio(least) == result.FormatRatio(most) {
		return ": " + result.FormatRatio(least) + " " + s.baseline.Strategy
	}
	return ": " + result.FormatRatioRange(least, most) + " " + s.baseline.Strategy
}

// intervalText formats an interval after its median: " (80–85×)", or "" if there is none.
func intervalText(lo, hi float64) string {
	if hi <= 0 {
		return ""
	}
	return " (" + result.FormatRatioRange(lo, hi) + ")"
}

// named returns the strategies of the results that match.
func (s *section) named(match func(*result.Result) bool) (list []string) {
	for _, r := range s.results {
		if match(r) {
			list = append(list, r.Strategy)
		}
	}
	return list
}
