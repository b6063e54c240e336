package scenarios

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/sessbench/sessbench/internal/setting"
)

// Load is the load that an open loop offers: visits arrive at times that do not depend on how long the operations take. The zero
// Load is a closed loop, in which each user starts a visit when the last one has ended.
type Load struct {
	Rate     float64 // operations per second, before the first stage
	Stages   []Stage // one after the other; after the last one its rate continues
	Constant bool    // arrivals at equal distances; otherwise a Poisson process
	MaxUsers int     // visits at a time; an arrival beyond them waits in a queue. 0: as many as needed
	Speed    float64 // recorded visits arrive at the times of their log, so many times as fast; in place of rate and stages
}

// Stage is a part of a load during which the rate changes linearly from the previous rate to its own.
type Stage struct {
	Length time.Duration
	Rate   float64 // at its end, operations per second
}

// The bounds of a load.
const (
	maxRate   = 10_000_000
	minRate   = 0.001
	maxStage  = 24 * time.Hour
	maxStages = 100
)

// Open reports whether there is a load: visits arrive by the clock.
func (l *Load) Open() bool { return l.Rate > 0 || len(l.Stages) > 0 || l.Speed > 0 }

// RemoteUsers bounds the users of an open loop outside this process unless --max-users does: each has a connection there.
const RemoteUsers = 512

// Concurrency is how many users there are at a time, of a system in this process or of a remote one.
func (s *Scenario) Concurrency(remote bool) int {
	if remote && s.Load.Open() && s.Load.MaxUsers == 0 {
		return min(s.Users, RemoteUsers)
	}
	return s.Users
}

// FindRate has visits arrive by the clock, at rates that are found during the run: until then, at a rate that stands for them.
func (s *Scenario) FindRate() error {
	s.Load.Rate = 1
	return s.openLoop(poolSize)
}

// FollowLog has recorded visits arrive by the clock of their log, speed times as fast.
func (s *Scenario) FollowLog(speed float64) { s.Load.Speed, s.Users = speed, poolSize }

// Span is the duration of the stages; 0 without stages.
func (l *Load) Span() (sum time.Duration) {
	for _, s := range l.Stages {
		sum += s.Length
	}
	return sum
}

// Peak is the highest rate, in operations per second.
func (l *Load) Peak() float64 {
	most := l.Rate
	for _, s := range l.Stages {
		most = max(most, s.Rate)
	}
	return most
}

// Kind returns the kind of arrivals: poisson or constant.
func (l *Load) Kind() string {
	if l.Constant {
		return "constant"
	}
	return "poisson"
}

// String is the load in the notation of the command line: what identifies it in results.
func (l *Load) String() string {
	if l.Speed > 0 {
		return fmt.Sprintf("log at %vx", l.Speed)
	}
	var parts []string
	if l.Rate > 0 {
		parts = append(parts, FormatLoadRate(l.Rate))
	}
	for _, s := range l.Stages {
		parts = append(parts, s.String())
	}
	return strings.Join(append(parts, l.Kind()), " ")
}

// String is the stage in the notation of the command line.
func (s Stage) String() string { return s.Length.String() + ":" + FormatLoadRate(s.Rate) }

// FormatLoadRate returns a rate in the notation of the command line: 2000/s.
func FormatLoadRate(perSecond float64) string {
	return strconv.FormatFloat(perSecond, 'f', -1, 64) + "/s"
}

// RateParser reads a rate of operations: 2000/s, 300/m, 2/ms. The value is per second.
func RateParser() setting.Parser[float64] {
	return setting.Parser[float64]{Kind: "rate", Read: func(text string) (float64, error) { return parseRate(text, minRate) }}
}

// parseRate reads a rate from least to maxRate per second.
func parseRate(text string, least float64) (float64, error) {
	number, unit, _ := strings.Cut(text, "/")
	x, err := strconv.ParseFloat(number, 64)
	per, known := map[string]float64{"ms": 1000, "s": 1, "m": 1. / 60}[unit]
	if x *= per; err != nil || !known || !(x >= least && x <= maxRate) {
		return 0, fmt.Errorf("want operations per time, such as 2000/s, 300/m or 2/ms, from %s to %s",
			FormatLoadRate(least), FormatLoadRate(maxRate))
	}
	return x, nil
}

// Stages are the stages of a load or of a ramp.
type Stages struct {
	Rates []Stage     // of an open loop
	Users []UserStage // of a closed loop; one of the two is empty
}

// StagesParser reads stages, separated by commas: 30s:500/s,1m:2000/s or 30s:100,10s:0.
func StagesParser() setting.Parser[Stages] {
	return setting.Parser[Stages]{Kind: "stages", Read: parseStages}
}

func parseStages(text string) (stages Stages, err error) {
	lengths, users := setting.Duration(time.Millisecond, maxStage), setting.Count(0, maxUsers)
	for part := range strings.SplitSeq(text, ",") {
		length, value, ok := strings.Cut(part, ":")
		if !ok {
			return stages, fmt.Errorf("%q: want TIME:RATE, such as 30s:500/s, or TIME:USERS, such as 30s:100", part)
		}
		d, err := lengths.Read(length)
		switch isRate := strings.Contains(value, "/"); {
		case err != nil:
		case isRate:
			s := Stage{Length: d}
			s.Rate, err = parseRate(value, 0)
			stages.Rates = append(stages.Rates, s)
		default:
			s := UserStage{Length: d}
			if s.Users, err = users.Read(value); err != nil {
				err = fmt.Errorf("%w of users, or a rate such as 500/s", err)
			}
			stages.Users = append(stages.Users, s)
		}
		if err == nil && len(stages.Rates) > 0 && len(stages.Users) > 0 {
			err = errors.New("want either a rate in each stage, such as 30s:500/s, or a number of users, such as 30s:100")
		}
		if err != nil {
			return stages, fmt.Errorf("%q: %w", part, err)
		}
	}
	if n := len(stages.Rates) + len(stages.Users); n > maxStages {
		return stages, fmt.Errorf("%d stages: want at most %d", n, maxStages)
	}
	if len(stages.Rates) == 1 && stages.Rates[0].Rate == 0 {
		return stages, fmt.Errorf("want a stage whose rate is above 0")
	}
	return stages, nil
}

// Arrivals is the times at which the visits of a load arrive: a stream that is drawn while it is read and never repeats. Not safe
// for concurrent use.
//
// A process of any rate is one of rate 1 on a clock that runs at the rate: the k-th arrival is when the expected number of arrivals,
// the integral of the rate, has reached the k-th arrival of the process of rate 1 (Çinlar, Introduction to Stochastic
// Processes, 1975, chapter 4.7). Times follow from the whole sum, not from the previous time, so that rounding to
// nanoseconds does not add up.
type Arrivals struct {
	segments []segment
	constant bool
	rng      *rand.Rand
	expected float64 // arrivals of the process of rate 1 until the last one
	phase    float64 // of the first constant arrival
	n        int64
}

// segment is a time in which the rate changes linearly.
type segment struct {
	from     float64 // nanoseconds
	expected float64 // arrivals before it
	rate     float64 // visits per nanosecond at its start
	slope    float64 // change of the rate per nanosecond
}

// Arrivals returns the arrivals of visits of perVisit operations. The stages begin after lead, during which the rate is the initial
// one. The same load, seed and share give the same arrivals on every machine. share of shares is the part of a process of a
// distributed run: each offers an equal part of the rate, and together they offer the load.
func (l *Load) Arrivals(perVisit int, lead time.Duration, seed uint64, share, shares int) *Arrivals {
	a := &Arrivals{constant: l.Constant, rng: rand.New(rand.NewPCG(seed, 0xa221<<32|uint64(share)))}
	a.phase = float64(share) / float64(shares)
	scale := 1e-9 / float64(perVisit) / float64(shares)
	rate := l.Rate * scale
	at, expected := 0., 0.
	add := func(length, to float64) {
		a.segments = append(a.segments, segment{from: at, expected: expected, rate: rate, slope: (to - rate) / length})
		at, expected = at+length, expected+(rate+to)/2*length
		rate = to
	}
	if lead > 0 {
		add(float64(lead), rate)
	}
	for _, s := range l.Stages {
		add(float64(s.Length), s.Rate*scale)
	}
	add(math.MaxInt64, rate)
	return a
}

// Next returns the time of the next arrival, in nanoseconds from the start; never less than the one before. Once the rate is 0 for
// good it returns math.MaxInt64. Hot path.
func (a *Arrivals) Next() int64 {
	if a.constant {
		a.expected = float64(a.n) + a.phase
	} else {
		a.expected += a.rng.ExpFloat64()
	}
	a.n++
	for len(a.segments) > 1 && a.expected >= a.segments[1].expected {
		a.segments = a.segments[1:]
	}
	s := &a.segments[0]
	more := a.expected - s.expected
	// The root of rate·t + slope·t²/2 = more, in the form that does not cancel.
	root := s.rate + math.Sqrt(max(0, s.rate*s.rate+2*s.slope*more))
	if more == 0 {
		return int64(s.from)
	}
	t := s.from + 2*more/root
	if !(t < math.MaxInt64) { // also if root is 0
		return math.MaxInt64
	}
	return int64(math.Round(t))
}

// Expected returns how many arrivals are expected before a time in nanoseconds.
func (l *Load) Expected(perVisit int, lead time.Duration, until int64) float64 {
	a := l.Arrivals(perVisit, lead, 0, 0, 1)
	last := a.segments[0]
	for _, s := range a.segments {
		if s.from <= float64(until) {
			last = s
		}
	}
	t := float64(until) - last.from
	return last.expected + last.rate*t + last.slope*t*t/2
}
