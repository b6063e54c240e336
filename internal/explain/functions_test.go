package explain

import (
	"testing"

	"github.com/google/pprof/profile"
)

// stack returns a sample with a stack, the innermost function first.
func stack(value int64, label string, names ...string) *profile.Sample {
	s := &profile.Sample{Value: []int64{30, value}}
	for _, name := range names {
		s.Location = append(s.Location, &profile.Location{Line: []profile.Line{{Function: &profile.Function{Name: name}}}})
	}
	if label != "" {
		s.Label = map[string][]string{"operation": {label}}
	}
	return s
}

func TestFunctions(t *testing.T) {
	lock := "example.com/x/strategies.(*Global[go.shape.struct { F map[string]int }]).Update"
	mutex := &profile.Profile{
		SampleType: []*profile.ValueType{{Type: "contentions"}, {Type: "delay"}},
		Sample: []*profile.Sample{
			stack(900, "", "sync.(*Mutex).Unlock", lock+".deferwrap1", lock, "main.main"), stack(100, "", "sync.(*RWMutex).Unlock", "main.other"), stack(500, "", "runtime.unlock"), stack(-5, "", "main.gone"),
		},
	}
	got := Functions(mutex)
	if len(got) != 2 || got[0].Name != "strategies.(*Global[…]).Update" || got[0].Share != 0.9 || got[1].Name != "main.other" {
		t.Errorf("%+v", got)
	}
	cpu := &profile.Profile{
		SampleType: []*profile.ValueType{{Type: "samples"}, {Type: "cpu"}},
		Sample:     []*profile.Sample{stack(10, "append", "runtime.memmove", lock), stack(10, "append", "runtime.memmove"), stack(90, "", "runtime.futex")},
	}
	if got := Functions(cpu); len(got) != 1 || got[0].Name != "runtime.memmove" || got[0].Share != 1 {
		t.Errorf("%+v", got)
	}
	cpu.Sample = cpu.Sample[:1]
	if got := Functions(cpu); got != nil {
		t.Errorf("%+v of few samples", got)
	}
}
