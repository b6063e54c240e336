package cmd

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/runner"
	"github.com/sessbench/sessbench/internal/setting"
	"github.com/sessbench/sessbench/internal/stats"
	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
)

// runSetting is a row of the settings table in this command: a row of [scenarios.Settings], or a setting of a whole run. Flags,
// configuration file, environment and completion, the result document, the settings that check adopts from a baseline, those that a
// duet passes on, and those that do not fit recorded traffic come from the rows.
type runSetting struct {
	scenarios.Setting
	value   *value
	neutral string // the text that has no effect; documents leave it out
	changed bool   // it has changed a scenario
}

// workOptions are what users do: the scenarios with the settings of a run, and how often they are measured.
type workOptions struct {
	*command
	Scenarios []string
	Runs      int
	Duration  time.Duration
	Warmup    time.Duration
	Seed      uint64
	Record    int         // one session in so many; 0: none
	Find      runner.Find // Goal's text is empty without --find-rate
	Speed     float64     // of recorded traffic; 0: as fast as possible
	settings  []*runSetting
}

// addScenarioFlag adds --scenario.
func (o *workOptions) addScenarioFlag(fs flagGroup) {
	fs.StringArrayVarP(&o.Scenarios, "scenario", "s", []string{scenarios.Default}, "`NAMES` of scenarios, a,b or all")
	fs.complete["scenario"] = listOf(scenarioWords)
}

// addSetting adds the flag of a row.
func (o *workOptions) addSetting(fs flagGroup, row scenarios.Setting, v *value, neutral string) {
	o.settings = append(o.settings, &runSetting{Setting: row, value: v, neutral: neutral})
	fs.VarP(v, row.Name, row.Short, row.Usage)
}

// usersFlags are the flags of what users do.
func (o *workOptions) usersFlags() flagGroup {
	fs := newFlagGroup("What users do (default: as in the scenario)")
	o.addSetting(fs, scenarios.Setting{Name: "duration", Short: "d", Visible: true, NotReplayed: "the log is replayed once, to its end",
		Usage: fmt.Sprintf("measured `TIME` of each trial (default %v, none with --iterations)", runner.DefaultWindow)},
		into("", setting.Duration(1, maxWindow), &o.Duration), "")
	for _, row := range scenarios.Settings() {
		o.addSetting(fs, row, &value{kind: row.Kind, words: row.Words, read: row.Read, repeats: row.Repeats}, "")
	}
	o.Seed = runner.DefaultSeed
	o.addSetting(fs, scenarios.Setting{Name: "seed", Usage: "random seed, `N`"}, into(fmt.Sprint(o.Seed), setting.Seed(), &o.Seed), "")
	return fs
}

const (
	maxRuns   = 10_000
	maxWindow = time.Hour
	maxRecord = 100_000_000 // as many as there can be sessions
)

// trialFlags are the flags of the trials.
func (o *workOptions) trialFlags() flagGroup {
	fs := newFlagGroup("Trials")
	o.addRunsFlag(fs, fmt.Sprint(runner.DefaultRuns), fmt.Sprintf("trials per strategy, `N`; intervals need %d", stats.MinSamples))
	o.addWarmupFlag(fs, runner.DefaultWarmup.String(), "unmeasured `TIME` before each window")
	o.addRecordFlag(fs)
	return fs
}

// addRunsFlag adds --runs.
func (o *workOptions) addRunsFlag(fs flagGroup, text, usage string) {
	o.Runs = runner.DefaultRuns
	fs.VarP(into(text, setting.Count(1, maxRuns), &o.Runs), "runs", "r", usage)
}

// addWarmupFlag adds --warmup.
func (o *workOptions) addWarmupFlag(fs flagGroup, text, usage string) {
	o.Warmup = runner.DefaultWarmup
	o.addSetting(fs, scenarios.Setting{Name: "warmup", Usage: usage, NotReplayed: "the log is replayed from its first row on"},
		into(text, setting.Duration(0, maxWindow), &o.Warmup), "")
}

// addRecordFlag adds --record.
func (o *workOptions) addRecordFlag(fs flagGroup) {
	o.addSetting(fs, scenarios.Setting{Name: "record", Usage: "sessions whose histories are recorded and checked, `off|1/N|all`"},
		into("off", setting.OneIn(maxRecord), &o.Record), "off")
}

// findFlags are the flags of a search for the highest rate.
func (o *workOptions) findFlags() flagGroup {
	fs := newFlagGroup("Highest sustainable rate, in place of trials at one load")
	goal := setting.Parser[judge.Goal]{Kind: "goal", Read: judge.ParseGoal}
	o.addSetting(fs, scenarios.Setting{Name: findFlag, NotReplayed: "the log has the times",
		Usage: "search for the highest rate at which each strategy keeps up and meets a `GOAL`: 'p99<5ms', 'append.p99<5ms', " + judge.Sustained},
		into("", goal, &o.Find.Goal), "")
	o.Find.Budget = runner.DefaultBudget
	fs.Var(into(o.Find.Budget.String(), setting.Duration(time.Second, maxWindow), &o.Find.Budget), "budget",
		"`TIME` of the search; where it does not suffice, the interval is wider")
	return fs
}

const findFlag = "find-rate"

// find reports whether the highest rates are searched for.
func (o *workOptions) find() bool { return o.Find.Goal.Text != "" }

// checkFind rejects settings that a search for the highest rate makes itself.
func (o *workOptions) checkFind() error {
	if !o.find() {
		return o.reject(rankFlag, "only for a search: want --find-rate GOAL with it", "budget")
	}
	fixed := [][2]string{
		{"trace", "the log has the times"},
		{"rate", "the rate is what is searched for"},
		{"stage", "the rate is what is searched for"},
		{"users", "there are as many users as are needed: want --max-users, which bounds them"},
		{"iterations", "each trial is as long as its rate requires"},
		{"duration", "each trial is as long as its rate requires: want --budget"},
		{"runs", "a rate has two to five trials: want --budget"},
		{"join", "one machine searches"},
	}
	err := o.notWith(findFlag, o.Find.Goal.Text, fixed)
	o.Duration, o.Runs = 0, 0
	o.settings = slices.DeleteFunc(o.settings, func(s *runSetting) bool {
		return slices.ContainsFunc(fixed, func(of [2]string) bool { return of[0] == s.Name })
	})
	return err
}

// config returns the configuration of trials: the scenarios with the run's settings, and how they are measured.
func (o *workOptions) config(replayed bool) (cfg runner.Config, err error) {
	cfg = runner.Config{Runs: o.Runs, Warmup: o.Warmup, Window: o.Duration, Seed: o.Seed, Record: o.Record}
	if replayed {
		s := scenarios.Recorded()
		if o.Speed > 0 {
			s.FollowLog(o.Speed)
		}
		cfg.Scenarios = []scenarios.Scenario{s}
	} else {
		names, err := o.chosenNames("scenario", "scenario", o.Scenarios, scenarioNames())
		if err != nil {
			return cfg, err
		}
		cfg.Scenarios = mapped(names, lookedUp)
	}
	if o.find() {
		cfg.Find = &o.Find
	}
	return cfg, o.settled(cfg.Scenarios)
}

// lookedUp returns a copy of the scenario with a name that was checked.
func lookedUp(name string) scenarios.Scenario {
	s, _ := scenarios.Lookup(name)
	return *s
}

// settled applies the settings of the run to each scenario.
func (o *workOptions) settled(list []scenarios.Scenario) error {
	if o.Duration > 0 { // replaces the number of visits
		for i := range list {
			list[i].Iterations = 0
		}
	}
	if o.find() {
		for i := range list {
			if err := o.findIn(&list[i]); err != nil {
				return err
			}
		}
	}
	for _, s := range o.settings {
		if s.Apply == nil || !s.value.given {
			continue
		}
		if err := o.apply(s, list); err != nil {
			return err
		}
	}
	for i := range list {
		switch s := &list[i]; {
		case o.Duration > 0 && len(s.Load.Stages)+len(s.Ramp.Stages) > 0:
			return usagef("%s %v: not with --stage: the stages have their durations", o.from("duration"), o.Duration)
		case s.Ramp.Some() && s.Ramp.Peak() == 0:
			return usagef("%s: no stage has users: want one with at least 1, or --users before the first", o.from("stage"))
		}
	}
	return nil
}

// open reports whether visits arrive at a given rate.
func (o *workOptions) open() bool {
	return o.given("rate") || slices.ContainsFunc(o.settings, func(s *runSetting) bool {
		return s.Name == "stage" && s.value.given && strings.Contains(s.value.text, "/")
	})
}

// findIn has the rates of a scenario be searched for.
func (o *workOptions) findIn(s *scenarios.Scenario) error {
	if err := o.Find.Goal.MatchOperations(s.ResultOps()); err != nil {
		return usagef("%s %w (%s)", o.from(findFlag), err, s.Name)
	}
	return s.FindRate()
}

// apply applies a setting to the scenarios that it has an effect on. If there is none, it fails for a MustFit setting of the command
// line and notes it otherwise. It fails if the value does not fit one of them.
func (o *workOptions) apply(s *runSetting, list []scenarios.Scenario) error {
	flag, fits := o.from(s.Name)+" "+quoted(s.value.text), false
	var misfits []string
	for i := range list {
		if s.Fits != nil && !s.Fits(&list[i]) {
			continue
		}
		fits = true
		before := list[i]
		if err := s.Apply(&list[i], s.value.text); err != nil {
			misfits = append(misfits, err.Error())
		}
		s.changed = s.changed || !reflect.DeepEqual(before, list[i])
	}
	switch {
	case misfits != nil:
		return usagef("%s: %s", flag, strings.Join(misfits, "; "))
	case !fits && (!s.MustFit || o.sources[s.Name].rank < rankFlag):
		o.note("%s has no effect on %s", flag, strings.Join(mapped(list, nameOf), ", "))
	case !fits:
		var legal []string
		for _, of := range scenarios.All() {
			if s.Fits(of) {
				legal = append(legal, of.Name)
			}
		}
		return usagef("%s: no effect on %s: want --scenario %s", flag, strings.Join(mapped(list, nameOf), ", "), strings.Join(legal, " or "))
	}
	return nil
}

// keepReplayed removes the settings that have no effect on traffic recorded in a file, rejects those of them that are on the command
// line, and adds the speed of the replay.
func (o *workOptions) keepReplayed(file string, speed *value) error {
	drawn := [][2]string{{"scenario", "the log has the operations"}}
	o.settings = append(o.settings, &runSetting{Setting: scenarios.Setting{Name: "trace-speed"}, value: speed})
	for _, s := range o.settings {
		if s.NotReplayed != "" {
			drawn = append(drawn, [2]string{s.Name, s.NotReplayed})
		}
	}
	err := o.notWith("trace", file, drawn)
	o.Duration, o.settings = 0, slices.DeleteFunc(o.settings, func(s *runSetting) bool { return s.NotReplayed != "" })
	return err
}

// record stores the settings in a document.
func (o *workOptions) record(c *result.Config) {
	c.Settings, c.Overrides = map[string]string{}, map[string]string{}
	for _, s := range o.settings {
		switch {
		case s.value.text == s.neutral:
		case s.Visible && s.value.given:
			c.Overrides[s.Name] = s.value.text
		case !s.Visible && (s.Apply == nil || s.changed):
			c.Settings[s.Name] = s.value.text
		}
	}
}

// adopt sets the settings that have no source to those of a document.
func (o *workOptions) adopt(c *result.Config) error {
	for _, s := range o.settings {
		text := c.Settings[s.Name] + c.Overrides[s.Name] // at most one has it
		if text == "" || o.given(s.Name) {
			continue
		}
		if err := s.value.Set(text); err != nil {
			return fmt.Errorf("%s %s: %w", s.Name, quoted(text), err)
		}
	}
	return nil
}

// scenarioArgs are the flags that select a scenario and the settings that it has.
func (o *workOptions) scenarioArgs(of *scenarios.Scenario) []string {
	args := []string{"--scenario", of.Name}
	for _, s := range o.settings {
		if s.value.text != s.neutral && (s.Fits == nil || s.Fits(of)) {
			args = append(args, "--"+s.Name, s.value.text)
		}
	}
	return args
}

func nameOf(s scenarios.Scenario) string { return s.Name }
