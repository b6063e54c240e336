package cmd

import (
	"slices"
	"strings"

	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/strategies"
)

// checkStores rejects stores of WithStore whose name --strategy could not contain, or is taken.
func (a *app) checkStores() error {
	taken := map[string]bool{"all": true, "none": true}
	for i, s := range a.stores {
		_, known := strategies.Lookup(s.Name)
		known = known || s.Name == redisName
		switch {
		case s.Name == "" || strings.ContainsAny(s.Name, ",:= \t\n"):
			return usagef("store %q: want a name without blanks, commas, colons and equals signs", s.Name)
		case known || taken[s.Name]:
			return usagef("store %q: the name is taken: want one besides %s", s.Name, strings.Join(a.strategyNamesUpTo(i), ", "))
		case s.Open == nil:
			return usagef("store %q: has no Open", s.Name)
		}
		taken[s.Name] = true
	}
	return nil
}

// strategies returns the strategies of "all": the catalogue and the stores of this build.
func (a *app) strategies() []*strategies.Strategy {
	return slices.Concat(strategies.All(), a.own())
}

// own returns the stores of this build.
func (a *app) own() (own []*strategies.Strategy) {
	for _, s := range a.stores {
		if !s.Harness {
			own = append(own, s)
		}
	}
	return own
}

// probes returns the strategies that measure the harness. "all" does not include them.
func (a *app) probes() (probes []*strategies.Strategy) {
	if noop, ok := strategies.Lookup("noop"); ok {
		probes = append(probes, noop)
	}
	for _, s := range a.stores {
		if s.Harness {
			probes = append(probes, s)
		}
	}
	return probes
}

func (a *app) strategy(name string) (*strategies.Strategy, bool) {
	for _, s := range a.stores {
		if s.Name == name {
			return s, true
		}
	}
	if name == redisName {
		return a.redisStrategy(), true
	}
	return strategies.Lookup(name)
}

// remote returns the strategies that keep sessions outside this process. "all" does not include them.
func (a *app) remote() []*strategies.Strategy { return []*strategies.Strategy{a.redisStrategy()} }

// strategyNames lists the legal names besides "all".
func (a *app) strategyNames() []string { return a.strategyNamesUpTo(len(a.stores)) }

// strategyNamesUpTo is strategyNames with the first n stores of this build only.
func (a *app) strategyNamesUpTo(n int) (names []string) {
	some := *a
	some.stores = a.stores[:n]
	return namesOf(slices.Concat(some.strategies(), some.remote(), some.probes()))
}

func namesOf(list []*strategies.Strategy) []string {
	return mapped(list, func(s *strategies.Strategy) string { return s.Name })
}

func scenarioNames() []string {
	return mapped(scenarios.All(), func(s *scenarios.Scenario) string { return s.Name })
}
