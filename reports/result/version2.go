package result

import (
	"encoding/json"
	"maps"
	"strconv"
	"time"
)

// fromVersion2 sets the settings, and the totals of trials, which were fields of their own up to schema version 2. data is the
// same document.
func (d *Document) fromVersion2(data []byte) error {
	var old struct {
		Config  Settings2
		Results []struct {
			Trials []struct {
				GCPauseNs     float64  `json:"gc_pause_ns"`
				GoroutinesMax *float64 `json:"goroutines_max"`
			}
		}
	}
	if err := json.Unmarshal(data, &old); err != nil {
		return err
	}
	d.Config.Settings, d.Config.Overrides = old.Config.Settings(), old.Config.overrides()
	for i, from := range old.Results {
		for k, from := range from.Trials {
			if from.GoroutinesMax != nil {
				d.Results[i].Trials[k].Totals = map[string]float64{"gc_pause_ns": from.GCPauseNs, "goroutines_max": *from.GoroutinesMax}
			}
		}
	}
	return nil
}

// Settings2 are the settings of a run that had fields of their own up to schema version 2, and in version 1 of the history.
type Settings2 struct {
	Users      int
	Sessions   int
	DurationNs int64 `json:"duration_ns"`
	WarmupNs   int64 `json:"warmup_ns"`
	Iterations int
	HoldNs     *int64 `json:"hold_ns"`
	HoldKind   string `json:"hold_kind"`
	ThinkNs    int64  `json:"think_ns"`
	TTLNs      int64  `json:"ttl_ns"`
	Keys       string
	Mix        string
	Seed       uint64
	Record     int
	TraceSpeed string `json:"trace_speed"`
}

// Settings returns the values of [Config.Settings].
func (s *Settings2) Settings() map[string]string {
	record := ""
	switch {
	case s.Record == 1:
		record = "all"
	case s.Record > 1:
		record = "1/" + strconv.Itoa(s.Record)
	}
	warmup := time.Duration(s.WarmupNs).String()
	if s.TraceSpeed != "" { // recorded traffic has none
		warmup = ""
	}
	return given(map[string]string{
		"seed": strconv.FormatUint(s.Seed, 10), "warmup": warmup, "ttl": durationText(s.TTLNs),
		"record": record, "trace-speed": s.TraceSpeed,
	})
}

func (s *Settings2) overrides() map[string]string {
	hold := ""
	if s.HoldNs != nil {
		hold = time.Duration(*s.HoldNs).String()
	}
	return given(map[string]string{
		"users": countText(s.Users), "sessions": countText(s.Sessions), "duration": durationText(s.DurationNs),
		"iterations": countText(s.Iterations), "hold": hold, "hold-kind": s.HoldKind, "think": durationText(s.ThinkNs),
		"keys": s.Keys, "mix": s.Mix,
	})
}

// given removes the settings without a value. It returns nil if none is left.
func given(settings map[string]string) map[string]string {
	maps.DeleteFunc(settings, func(_, text string) bool { return text == "" })
	if len(settings) == 0 {
		return nil
	}
	return settings
}

func countText(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func durationText(ns int64) string {
	if ns == 0 {
		return ""
	}
	return time.Duration(ns).String()
}
