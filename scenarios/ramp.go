package scenarios

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Ramp is a closed loop whose number of active users changes. The users that are not active wait. The zero Ramp is none: all users are
// active all the time.
type Ramp struct {
	From   int // active users before the first stage
	Stages []UserStage
}

// UserStage is a part of a ramp during which the number of active users changes linearly from the previous number to its own.
type UserStage struct {
	Length time.Duration
	Users  int // at its end
}

// Some reports whether there is a ramp.
func (r *Ramp) Some() bool { return len(r.Stages) > 0 }

// Peak is the largest number of active users.
func (r *Ramp) Peak() int {
	most := r.From
	for _, s := range r.Stages {
		most = max(most, s.Users)
	}
	return most
}

// Span is the duration of the stages.
func (r *Ramp) Span() (sum time.Duration) {
	for _, s := range r.Stages {
		sum += s.Length
	}
	return sum
}

// At is how many users are active at a time after the start of the first stage.
func (r *Ramp) At(t time.Duration) float64 {
	from := float64(r.From)
	for _, s := range r.Stages {
		if t < s.Length {
			return from + (float64(s.Users)-from)*float64(max(0, t))/float64(s.Length)
		}
		t, from = t-s.Length, float64(s.Users)
	}
	return from
}

// String is the ramp in the notation of the command line: what identifies it in results. It is empty if there is none.
func (r *Ramp) String() string {
	if !r.Some() {
		return ""
	}
	var parts []string
	if r.From > 0 {
		parts = append(parts, strconv.Itoa(r.From))
	}
	for _, s := range r.Stages {
		parts = append(parts, s.Length.String()+":"+strconv.Itoa(s.Users))
	}
	return strings.Join(append(parts, "users"), " ")
}

// Turn is a time in which a user is active, in nanoseconds from the start.
type Turn struct{ From, Until int64 }

// Turns returns the times in which a user is active, one after the other: while there are more active users than level. The stages begin
// after lead, during which their number is the initial one; after them it is the last one.
func (r *Ramp) Turns(lead time.Duration, level float64) (turns []Turn) {
	at, users := int64(lead), float64(r.From)
	active := users > level
	if active {
		turns = append(turns, Turn{0, math.MaxInt64})
	}
	for _, s := range r.Stages {
		to := float64(s.Users)
		if (to > level) != active {
			crossing := at + int64(math.Round(float64(s.Length)*(level-users)/(to-users)))
			if active {
				turns[len(turns)-1].Until = crossing
			} else {
				turns = append(turns, Turn{crossing, math.MaxInt64})
			}
			active = !active
		}
		at, users = at+int64(s.Length), to
	}
	return turns
}
