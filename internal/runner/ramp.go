package runner

import (
	"time"

	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
)

// ramped is when a user of a ramp is active.
type ramped struct {
	turns  []scenarios.Turn // up to now as they were, from now on as they are intended
	turn   int              // the present or next one
	leaves int64            // when the present one ends; 0: none has begun; forever: the user is always active
}

// turns returns the turns of user i of the n that are here. Each participant has the same share of the active users at any time, but
// for one user; they begin and leave one after the other.
func (s *setup) turns(i, n int) []scenarios.Turn {
	first := (float64(s.part.Index()) + 0.5) / float64(s.part.Of()) // of a user, until this participant has one
	return s.scenario.Ramp.Turns(s.warmup, (float64(i)+first)*float64(s.scenario.Users)/float64(n))
}

// nextTurn ends the user's turn, if it has one, and waits for the next one, from t on. It returns the time after that: the end of the
// window where there is none.
func (u *user) nextTurn(t int64) int64 {
	phases := &u.trial.phases
	if u.leaves > 0 {
		u.turns[u.turn].Until = t
		u.turn++
	}
	for ; u.turn < len(u.turns) && u.turns[u.turn].Until <= t; u.turn++ { // missed
		u.turns[u.turn].Until = u.turns[u.turn].From
	}
	next := int64(forever)
	if u.turn < len(u.turns) {
		next = u.turns[u.turn].From
	}
	for t < min(next, phases.until) && !u.trial.end.stopped.Load() {
		u.waiter.Wait(time.Duration(min(next, phases.until) - t))
		t = u.enterWindow(phases.now())
	}
	if next <= t {
		u.turns[u.turn].From, u.leaves = t, u.turns[u.turn].Until
	}
	return t
}

// addTurns adds to the points of a series how many users were active.
func (us *users) addTurns(s *series, points []result.Point) {
	n := len(points)
	full, rest := make([]int64, n+2), make([]int64, n+2) // changes of the number of users, and what is left of the interval after them
	change := func(t, by int64) {
		i := s.index(t)
		rest[i] += by * (s.from + (i+1)*s.length - t)
		full[i+1] += by
	}
	for _, u := range us.active {
		for _, turn := range u.turns {
			if from, until := max(turn.From, s.from), min(turn.Until, s.until); from < until {
				change(from, 1)
				change(until, -1)
			}
		}
	}
	active := int64(0)
	for i := range points {
		active += full[i]
		if length := min(s.length, s.until-s.from-int64(i)*s.length); length > 0 { // else the interval follows the window
			points[i].Users = float64(active*s.length+rest[i]) / float64(length)
		}
	}
}
