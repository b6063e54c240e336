package cmd

import (
	"cmp"
	"strings"
	"time"

	"github.com/sessbench/sessbench/scenarios"
)

// settled applies the settings of the run to each scenario.
func (o *runOptions) settled(list []scenarios.Scenario) error {
	keys, err := scenarios.ParseKeys(cmp.Or(o.Keys, "uniform"))
	if err != nil {
		return usagef("%s %w", o.from("keys"), err)
	}
	if err := o.setMix(list); err != nil {
		return err
	}
	if err := o.setTTL(list); err != nil {
		return err
	}
	for i := range list {
		s := &list[i]
		o.setNumbers(s)
		if err := o.checkOwn(s); err != nil {
			return err
		}
		o.setWork(s)
		if o.Keys != "" {
			s.Keys = keys
		}
	}
	return nil
}

// setNumbers sets users and sessions. Where sessions are private to users and only the number of users is given, the number
// of sessions per user stays the same.
func (o *runOptions) setNumbers(s *scenarios.Scenario) {
	each := s.SlotsPerUser()
	if o.Users > 0 {
		s.Users = o.Users
		if s.OwnSessions {
			s.Sessions = each * s.Users
		}
	}
	if o.Sessions > 0 {
		s.Sessions = o.Sessions
	}
}

// checkOwn rejects a number of private sessions that is not a multiple of the number of users.
func (o *runOptions) checkOwn(s *scenarios.Scenario) error {
	if s.OwnSessions && s.Sessions%s.Users != 0 {
		return usagef("%s %d: want a multiple of the %d users for %s, where sessions are private to users",
			o.from("sessions"), s.Sessions, s.Users, s.Name)
	}
	if o.Keys != "" && s.SlotsPerUser() == 1 && o.Trace == "" {
		o.note("%s has no effect on %s, where each user has one session", o.from("keys"), s.Name)
	}
	return nil
}

func (o *runOptions) setWork(s *scenarios.Scenario) {
	if o.Hold != nil {
		s.Hold = *o.Hold
	}
	if o.HoldKind != "" {
		s.Spin = o.HoldKind == holdSpin
	}
	if o.Think != nil {
		s.Think = *o.Think
	}
	switch {
	case o.Iterations > 0:
		s.Iterations = o.Iterations
	case o.Duration > 0:
		s.Iterations = 0 // a duration replaces the number of visits
	}
}

// setMix replaces the visits of every scenario. It fails if the mix does not fit one of them.
func (o *runOptions) setMix(list []scenarios.Scenario) error {
	if o.Mix == "" {
		return nil
	}
	var misfits []string
	for i := range list {
		mix, err := scenarios.ParseMix(o.Mix, list[i].Legal)
		if err != nil && len(list) == 1 {
			return usagef("%s %w (%s)", o.from("mix"), err, list[i].Name)
		}
		if err != nil {
			misfits = append(misfits, list[i].Name+" ("+strings.Join(operationNames(list[i].Legal), ", ")+")")
			continue
		}
		list[i].Mix, list[i].Visit = mix, nil
	}
	if misfits != nil {
		return usagef("%s %s: does not fit %s: want OPERATION=WEIGHT of the operations that each scenario has",
			o.from("mix"), quoted(o.Mix), strings.Join(misfits, ", "))
	}
	return nil
}

// setTTL sets the time-to-live of scenarios that have one. It fails if none has.
func (o *runOptions) setTTL(list []scenarios.Scenario) error {
	if o.TTL == 0 {
		return nil
	}
	used := false
	for i := range list {
		if list[i].TTL > 0 {
			list[i].TTL, used = o.TTL, true
		}
	}
	if used {
		return nil
	}
	var legal []string
	for _, s := range scenarios.All() {
		if s.TTL > 0 {
			legal = append(legal, s.Name)
		}
	}
	return usagef("%s %v: sessions do not expire in %s: want --scenario %s",
		o.from("ttl"), o.TTL, strings.Join(mapped(list, nameOf), ", "), strings.Join(legal, " or "))
}

func operationNames(ops []scenarios.Op) []string { return mapped(ops, scenarios.Op.String) }

// agreed is the value that all scenarios have in common, or the zero value.
func agreed[T comparable](list []scenarios.Scenario, of func(scenarios.Scenario) T) (common T) {
	if values := distinct(mapped(list, of)); len(values) == 1 {
		common = values[0]
	}
	return common
}

// The kinds of work under the lock.
const (
	holdSleep = "sleep"
	holdSpin  = "spin"
)

// The bounds of settings.
const (
	maxUsers    = 1_000_000
	maxSessions = 100_000_000
	maxVisits   = 1_000_000_000
	maxRuns     = 10_000
	maxWindow   = time.Hour
	maxHold     = time.Minute
	minTTL      = time.Millisecond
	maxTTL      = 365 * 24 * time.Hour
)
