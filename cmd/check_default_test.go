package cmd

import (
	"slices"
	"testing"

	"github.com/sessbench/sessbench/strategies"
)

// TestDuetChecksTheStoresOfTheBuild: by default a duet checks the added stores, or else per-session and sharded.
func TestDuetChecksTheStoresOfTheBuild(t *testing.T) {
	probe := lossyStrategy("probe")
	probe.Harness = true
	for _, tc := range []struct {
		why    string
		stores []strategies.Strategy
		named  string
		want   []string
	}{
		{"no added store", nil, "", []string{"per-session", "sharded"}},
		{"its own", []strategies.Strategy{lossyStrategy("mine"), lossyStrategy("other")}, "", []string{"mine", "other"}},
		{"a probe is no store", []strategies.Strategy{probe}, "", []string{"per-session", "sharded"}},
		{"--strategy", []strategies.Strategy{lossyStrategy("mine")}, "cow", []string{"cow"}},
	} {
		var opts []Option
		for _, s := range tc.stores {
			opts = append(opts, WithStore(s))
		}
		o := newCheckOptions(newApp(opts))
		o.sources, o.flags = sources{}, o.cobra().Flags()
		if tc.named != "" {
			o.run.choice.Strategies, o.sources["strategy"] = []string{tc.named}, source{rankFlag, "--strategy"}
		}
		rows, _, err := o.rows()
		var got []string
		for _, r := range rows {
			got = append(got, r.Name)
		}
		if err != nil || !slices.Equal(got, tc.want) {
			t.Errorf("%s: %v, error %v: want %v", tc.why, got, err, tc.want)
		}
	}
}
