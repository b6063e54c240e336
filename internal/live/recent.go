package live

import "github.com/sessbench/sessbench/internal/runner"

// Recent is the operations per second of a strategy in the last seconds of its trials. A trial that ends within its first second has one
// value. The zero Recent is empty.
type Recent struct {
	Speeds  []float64
	running bool // the trial of the last snapshot goes on
}

// Add adds a snapshot, and keeps the last values. The end of a trial is no further second of it.
func (r *Recent) Add(s runner.Snapshot, most int) {
	if !s.Final || !r.running {
		r.Speeds = append(r.Speeds, s.OpsPerSec)
		r.Speeds = r.Speeds[max(0, len(r.Speeds)-most):]
	}
	r.running = !s.Final
}
