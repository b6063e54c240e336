package cmd

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sessbench/sessbench/internal/runner"
	"github.com/sessbench/sessbench/internal/setting"
	"github.com/sessbench/sessbench/strategies"
)

// strategyOptions select strategies.
type strategyOptions struct {
	*command
	Strategies []string
	Params     []string
	Baseline   string // of a run
	onlyStores bool   // Strategies are no probes of the harness
}

// addFlag adds --strategy.
func (o *strategyOptions) addFlag(fs flagGroup) {
	fs.StringArrayVarP(&o.Strategies, "strategy", "S", []string{"all"},
		"`NAMES` of strategies: a,b or all; with settings: sharded:shards=16,sharded:shards=64")
	fs.complete["strategy"] = o.strategyList(func() []string {
		return append([]string{"all\tall but probes"}, strategyWords(o.selectable())...)
	})
}

// addParamFlag adds --param.
func (o *strategyOptions) addParamFlag(fs flagGroup) {
	fs.StringArrayVarP(&o.Params, "param", "p", nil, "`PARAM=VALUE` for every strategy with this parameter; repeatable")
	fs.complete["param"] = listOf(func() []string { return paramWords("", slices.Concat(o.strategies(), o.remote())...) })
}

// addBaselineFlag adds --baseline-strategy.
func (o *strategyOptions) addBaselineFlag(fs flagGroup) {
	fs.StringVar(&o.Baseline, "baseline-strategy", "global",
		"baseline strategy, `NAME` or none; it always runs")
	fs.complete["baseline-strategy"] = oneOf(func() []string { return append(strategyWords(o.strategies()), "none\tno baseline, no ratios") })
}

// subjects resolves --strategy, --param and --baseline-strategy. The baseline comes first, asked for or not.
func (o *strategyOptions) subjects() ([]runner.Subject, error) {
	list, err := o.chosen()
	if err != nil {
		return nil, err
	}
	return o.settled(list)
}

// settled puts the baseline first and labels all subjects.
func (o *strategyOptions) settled(list []runner.Subject) ([]runner.Subject, error) {
	list, err := o.withBaseline(list)
	if err != nil {
		return nil, err
	}
	return o.labelled(list)
}

// beside resolves --strategy where there may be targets: with them and without it there are no strategies.
func (o *strategyOptions) beside(targets []string) ([]runner.Subject, error) {
	if len(targets) > 0 && !o.given("strategy") {
		return nil, nil
	}
	return o.chosen()
}

// chosen resolves --strategy and --param.
func (o *strategyOptions) chosen() (list []runner.Subject, err error) {
	flag := o.from("strategy")
	chosen, err := setting.Selections(strings.Join(o.Strategies, ","))
	if err != nil {
		return nil, usagef("%s %w", flag, err)
	}
	for _, c := range chosen {
		same := []setting.Selected{c}
		if c.Name == "all" {
			same = mapped(o.strategies(), func(s *strategies.Strategy) setting.Selected { return setting.Selected{Name: s.Name} })
		}
		for _, c := range same {
			if list, err = o.add(list, flag, c); err != nil {
				return nil, err
			}
		}
	}
	return list, nil
}

// selectable returns the strategies that --strategy may name.
func (o *strategyOptions) selectable() []*strategies.Strategy {
	list := slices.Concat(o.strategies(), o.remote())
	if !o.onlyStores {
		list = append(list, o.probes()...)
	}
	return list
}

// add appends the strategy that c names, unless it is in the list with the same settings.
func (o *strategyOptions) add(list []runner.Subject, flag string, c setting.Selected) ([]runner.Subject, error) {
	s, known := o.strategy(c.Name)
	if legal := namesOf(o.selectable()); !slices.Contains(legal, c.Name) {
		what := "unknown strategy: " + didYouMean(c.Name, legal)
		if known {
			what = "not a store but a probe of the harness: "
		}
		return nil, usagef("%s %s: %swant all or some of %s", flag, quoted(c.Name), what, strings.Join(legal, ", "))
	}
	given, err := o.commonParams()
	if err != nil {
		return nil, err
	}
	maps.DeleteFunc(given, func(name, _ string) bool { return !s.HasParam(name) })
	maps.Copy(given, c.Params)
	params, err := s.Resolve(given)
	if err != nil {
		if _, own := s.Resolve(c.Params); own != nil {
			return nil, usagef("%s %s: %w", flag, c, own)
		}
		return nil, usagef("%s: %w", o.from("param"), err)
	}
	for _, other := range list {
		if other.Strategy == s && maps.Equal(other.Params, params) {
			return list, nil
		}
	}
	return append(list, runner.Subject{Label: c.String(), Strategy: s, Params: params}), nil
}

// withBaseline marks the baseline and puts it first.
func (o *strategyOptions) withBaseline(list []runner.Subject) ([]runner.Subject, error) {
	flag := o.from("baseline-strategy")
	at := slices.IndexFunc(list, func(s runner.Subject) bool { return s.TargetName != "" && s.Label == o.Baseline })
	onlyTargets := len(list) > 0 && !slices.ContainsFunc(list, func(s runner.Subject) bool { return s.TargetName == "" })
	switch {
	case o.Baseline == "none":
		return list, nil
	case onlyTargets && !o.given("baseline-strategy"):
		return baselineFirst(list, 0), nil
	case at >= 0:
		return baselineFirst(list, at), nil
	}
	chosen, err := setting.Selections(o.Baseline)
	switch {
	case err != nil:
		return nil, usagef("%s %w", flag, err)
	case len(chosen) != 1 || chosen[0].Name == "all":
		return nil, usagef("%s %s: want one strategy or none", flag, quoted(o.Baseline))
	}
	c := chosen[0]
	if s, ok := o.strategy(c.Name); ok && s.Harness {
		return nil, usagef("%s %s: is a probe of the harness, not a store: want none or one of %s",
			flag, c.Name, strings.Join(namesOf(o.strategies()), ", "))
	}
	i := slices.IndexFunc(list, func(s runner.Subject) bool {
		return s.Label == c.String() || len(c.Params) == 0 && s.Strategy.Name == c.Name
	})
	if i < 0 {
		grown, err := o.add(list, flag, c)
		if err != nil {
			return nil, err
		}
		if i = len(list); len(grown) == i { // given in another form: -S sharded for sharded:shards=64
			return nil, usagef("%s %s: already in --strategy in another form: want its name there", flag, c)
		}
		list = grown
	}
	return baselineFirst(list, i), nil
}

// baselineFirst marks one of the list as the baseline and puts it first.
func baselineFirst(list []runner.Subject, i int) []runner.Subject {
	baseline := list[i]
	baseline.Baseline = true
	return slices.Insert(slices.Delete(list, i, i+1), 0, baseline)
}

// commonParams reads --param.
func (o *strategyOptions) commonParams() (map[string]string, error) {
	common := map[string]string{}
	for _, text := range o.Params {
		for param := range strings.SplitSeq(text, ",") {
			name, val, ok := strings.Cut(strings.TrimSpace(param), "=")
			if !ok || name == "" {
				return nil, usagef("%s %s: want PARAM=VALUE", o.from("param"), quoted(param))
			}
			if _, twice := common[name]; twice {
				return nil, usagef("%s %s: %s is set twice", o.from("param"), param, name)
			}
			common[name] = val
		}
	}
	return common, nil
}

// labelled returns the list with bare names as labels, where no strategy is there twice. It rejects a --param that no strategy in
// the list has.
func (o *strategyOptions) labelled(list []runner.Subject) ([]runner.Subject, error) {
	common, err := o.commonParams()
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(common)) {
		if slices.ContainsFunc(list, func(s runner.Subject) bool { return s.Strategy.HasParam(name) }) {
			continue
		}
		var legal []string
		for _, s := range list {
			legal = append(legal, mapped(s.Strategy.Params, func(p strategies.Param) string {
				return fmt.Sprintf("%s (%s)", p.Name, s.Strategy.Name)
			})...)
		}
		if legal == nil {
			return nil, usagef("%s %s=%s: the strategies of this run have no parameters", o.from("param"), name, common[name])
		}
		return nil, usagef("%s %s=%s: no strategy of this run has a parameter %q: want %s",
			o.from("param"), name, common[name], name, strings.Join(distinct(legal), ", "))
	}
	times := map[*strategies.Strategy]int{}
	for _, s := range list {
		times[s.Strategy]++
	}
	list = slices.Clone(list)
	for i, s := range list {
		if times[s.Strategy] == 1 {
			list[i].Label = s.Strategy.Name
		}
	}
	return list, nil
}

// chosenNames returns the distinct names in the lists of a flag, where all stands for every legal name. kind is what they name, for
// errors.
func (c *command) chosenNames(flag, kind string, lists, legal []string) (names []string, err error) {
	for name := range strings.SplitSeq(strings.Join(lists, ","), ",") {
		switch name = strings.TrimSpace(name); {
		case name == "all":
			names = append(names, legal...)
		case slices.Contains(legal, name):
			names = append(names, name)
		default:
			return nil, usagef("%s %s: unknown %s: %swant all or some of %s",
				c.from(flag), quoted(name), kind, didYouMean(name, legal), strings.Join(legal, ", "))
		}
	}
	return distinct(names), nil
}
