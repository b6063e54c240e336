package scenarios

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// ramp applies settings to a scenario with private sessions, and returns it and the first error.
func ramp(settings ...string) (s Scenario, err error) {
	found, _ := Lookup("chatbot")
	s = *found
	for _, row := range Settings() {
		for i := 0; i < len(settings); i += 2 {
			if row.Name == settings[i] && err == nil {
				err = row.Apply(&s, settings[i+1])
			}
		}
	}
	return s, err
}

func TestRampSettings(t *testing.T) {
	for _, c := range []struct {
		settings, want string
		users          int
	}{
		{"stage 30s:100,10s:0", "30s:100 10s:0 users", 100},
		{"stage 30s:100 users 20", "20 30s:100 users", 100},
		{"stage 30s:10 users 200", "200 30s:10 users", 200},
		{"stage 1m:7 iterations 3", "--iterations", 0},
		{"stage 1m:7 rate 100/s", "closed loop", 0},
		{"stage 1m:7 max-users 3", "--max-users", 0},
		{"stage 1m:7 arrivals constant", "TIME:RATE", 0},
	} {
		s, err := ramp(strings.Fields(c.settings)...)
		switch {
		case c.users == 0 && err == nil:
			t.Errorf("%s: no error", c.settings)
		case c.users > 0 && (err != nil || s.Ramp.String() != c.want || s.Users != c.users || s.Iterations != 0):
			t.Errorf("%s: %q with %d users, %v", c.settings, s.Ramp.String(), s.Users, err)
		}
	}
	if s, _ := ramp("stage", "30s:100/s"); s.Ramp.Some() || s.Ramp.String() != "" {
		t.Errorf("stages of rates are no ramp: %v", s.Ramp)
	}
	plain, _ := ramp("users", "100")
	up, _ := ramp("stage", "30s:100")
	down, _ := ramp("stage", "10s:100,20s:0")
	hashes := []string{Draw(&plain, 1).Hash, Draw(&up, 1).Hash, Draw(&down, 1).Hash}
	if slices.Sort(hashes); len(slices.Compact(hashes)) < 3 {
		t.Error("different ramps have one hash")
	}
}

func TestTurns(t *testing.T) {
	const s, end = int64(time.Second), int64(math.MaxInt64)
	r := Ramp{From: 2, Stages: []UserStage{{10 * time.Second, 12}, {5 * time.Second, 12}, {10 * time.Second, 2}, {time.Second, 4}}}
	for _, c := range []struct {
		level float64
		want  []Turn
	}{
		{0.5, []Turn{{0, end}}},
		{2.5, []Turn{{s + s/2, s + 24*s + s/2}, {26*s + s/4, end}}},
		{11.5, []Turn{{s + 19*s/2, s + 31*s/2}}},
		{12.5, nil},
	} {
		if got := r.Turns(time.Second, c.level); !slices.Equal(got, c.want) {
			t.Errorf("level %v: %v, want %v", c.level, got, c.want)
		}
	}
}

// At any time as many users are active as the ramp has, rounded.
func TestTurnsFollowTheRamp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Ramp{From: rapid.IntRange(0, 20).Draw(t, "from")}
		for range rapid.IntRange(1, 5).Draw(t, "stages") {
			r.Stages = append(r.Stages, UserStage{time.Duration(rapid.IntRange(1, 10).Draw(t, "seconds")) * time.Second, rapid.IntRange(0, 20).Draw(t, "users")})
		}
		at := time.Duration(rapid.Int64Range(0, int64(r.Span())).Draw(t, "at"))
		want, before, left := float64(r.From), float64(r.From), at
		for _, s := range r.Stages {
			if want = float64(s.Users); left < s.Length {
				want = before + (want-before)*float64(left)/float64(s.Length)
				break
			}
			before, left = want, left-s.Length
		}
		if got := r.At(at); math.Abs(got-want) > 1e-9 {
			t.Fatalf("%v at %v: %v, want %v", r, at, got, want)
		}
		active := 0
		for user := range r.Peak() {
			for _, turn := range r.Turns(0, float64(user)+0.5) {
				if turn.From <= int64(at) && int64(at) < turn.Until {
					active++
				}
			}
		}
		if math.Abs(float64(active)-want) > 0.5+1e-6 {
			t.Fatalf("%v at %v: %d active, want %v", r, at, active, want)
		}
	})
}
