package cmd

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sessbench/sessbench/internal/setting"
	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/strategies"
)

// axis is a setting that a sweep can vary.
type axis struct {
	name string
	doc  string
	unit string // of values in documents: ns, ops/s or none
	kind axisKind
	flag string // that sets it otherwise; empty: none does

	read   func(text string) (value float64, canonical string, err error)
	format func(value float64) string // in the notation of read
	prefix string                     // of the flag's text, before the value
}

type axisKind int

const (
	scenarioAxis   axisKind = iota // a setting of scenarios
	paramAxis                      // a parameter of strategies
	processorsAxis                 // GOMAXPROCS
)

// axisPoint is a value of an axis.
type axisPoint struct {
	value float64
	text  string // canonical
}

// The bounds of an axis.
const (
	maxPoints     = 64
	maxProcessors = 1024
)

// axes returns what can be varied: the numeric settings of scenarios, and what has no flag of its own.
func (o *runOptions) axes() (list []axis) {
	for _, row := range scenarios.Settings() {
		a := axis{name: row.Name, doc: strings.ReplaceAll(row.Usage, "`", ""), flag: row.Name}
		switch row.Kind {
		case "number":
			a.read = func(text string) (float64, string, error) {
				text, err := row.Read(text)
				n, _ := strconv.Atoi(text)
				return float64(n), text, err
			}
			a.format = wholeNumber
		case "duration":
			a.unit = "ns"
			a.read = func(text string) (float64, string, error) {
				text, err := row.Read(text)
				d, _ := time.ParseDuration(text)
				return float64(d), text, err
			}
			a.format = func(x float64) string { return time.Duration(x).String() }
		case "rate":
			a.unit = "ops/s"
			a.read = func(text string) (float64, string, error) {
				x, err := scenarios.RateParser().Read(text)
				return x, scenarios.FormatLoadRate(x), err
			}
			a.format = scenarios.FormatLoadRate
		default:
			continue
		}
		list = append(list, a)
	}
	list = append(list, axis{name: "zipf", doc: "exponent of the popularity of sessions, --keys zipf:S", flag: "keys", prefix: "zipf:",
		read: func(text string) (float64, string, error) {
			x, err := strconv.ParseFloat(text, 64)
			if err != nil || !(x >= 0 && x <= 4) {
				return 0, "", errors.New("want a number from 0 to 4")
			}
			return x, fmt.Sprintf("%g", x), nil
		},
		format: func(x float64) string { return fmt.Sprintf("%g", x) }})
	processors := setting.Count(1, maxProcessors)
	list = append(list, axis{name: "gomaxprocs", doc: "threads that execute Go code at a time, in this process", kind: processorsAxis,
		read: func(text string) (float64, string, error) {
			n, err := processors.Read(text)
			return float64(n), text, err
		}, format: wholeNumber})
	return append(list, o.paramAxes()...)
}

func wholeNumber(x float64) string { return strconv.Itoa(int(x)) }

// paramAxes returns the parameters of strategies whose default is a whole number.
func (o *runOptions) paramAxes() (list []axis) {
	for _, s := range slices.Concat(o.strategies(), o.remote()) {
		for _, p := range s.Params {
			if _, err := strconv.Atoi(p.Default); err != nil {
				continue
			}
			if i := slices.IndexFunc(list, func(a axis) bool { return a.name == p.Name }); i >= 0 {
				list[i].doc += ", " + s.Name
				continue
			}
			list = append(list, axis{name: p.Name, doc: s.Name, kind: paramAxis, read: paramReader(p), format: wholeNumber})
		}
	}
	return list
}

// paramReader reads a parameter of a strategy.
func paramReader(p strategies.Param) func(string) (float64, string, error) {
	return func(text string) (float64, string, error) {
		n, err := strconv.Atoi(text)
		if err == nil && p.Check != nil {
			err = p.Check(text)
		}
		if err != nil {
			return 0, "", errors.New("want " + p.Legal)
		}
		return float64(n), strconv.Itoa(n), nil
	}
}

// parseOver reads SETTING=VALUES. The points are ascending, each once.
func (o *runOptions) parseOver(text string) (*axis, []axisPoint, error) {
	name, values, ok := strings.Cut(text, "=")
	all := o.axes()
	names := mapped(all, func(a axis) string { return a.name })
	i := slices.Index(names, name)
	switch {
	case !ok || values == "":
		return nil, nil, errors.New("want SETTING=VALUES, such as users=1,2,4..1024")
	case i < 0:
		return nil, nil, fmt.Errorf("unknown setting %s: %swant one of %s", quoted(name), didYouMean(name, names), strings.Join(names, ", "))
	}
	a := &all[i]
	var points []axisPoint
	for part := range strings.SplitSeq(values, ",") {
		some, err := a.values(strings.TrimSpace(part))
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", quoted(part), err)
		}
		points = append(points, some...)
	}
	slices.SortFunc(points, func(a, b axisPoint) int { return cmp.Compare(a.value, b.value) })
	points = slices.CompactFunc(points, func(a, b axisPoint) bool { return a.value == b.value })
	switch n := len(points); {
	case n < 2:
		return nil, nil, errors.New("one value: want two or more, such as users=1..1024")
	case n > maxPoints:
		return nil, nil, fmt.Errorf("%d values: want at most %d", n, maxPoints)
	}
	return a, points, nil
}

// values reads a value or a range.
func (a *axis) values(text string) (list []axisPoint, err error) {
	from, to, isRange := strings.Cut(text, "..")
	first, canonical, err := a.read(from)
	if err != nil {
		return nil, err
	}
	list = []axisPoint{{first, canonical}}
	if !isRange {
		return list, nil
	}
	last, canonical, err := a.read(to)
	if err != nil {
		return nil, err
	}
	if !(first > 0 && first < last) {
		return nil, errors.New("want A..B, with A above 0 and below B")
	}
	for x := 2 * first; x < last && len(list) <= maxPoints; x *= 2 {
		list = append(list, axisPoint{x, a.format(x)})
	}
	return append(list, axisPoint{last, canonical}), nil
}

// at calls do while the setting of the axis has the value of a point.
func (a *axis) at(o *runOptions, p axisPoint, do func() error) error {
	if a.kind != scenarioAxis {
		return do()
	}
	row := o.work.settings[slices.IndexFunc(o.work.settings, func(s *runSetting) bool { return s.Name == a.flag })]
	if row.Fits != nil {
		s := lookedUp(o.work.Scenarios[0])
		if !row.Fits(&s) {
			return usagef("%s %s: no effect on %s", o.from(overFlag), quoted(o.sweep.Over), s.Name)
		}
	}
	text, given, changed, from := row.value.text, row.value.given, row.changed, o.sources[a.flag]
	defer func() {
		row.value.text, row.value.given, row.changed = text, given, changed
		delete(o.sources, a.flag)
		if from.rank != rankDefault {
			o.sources[a.flag] = from
		}
	}()
	row.value.text, row.value.given = a.prefix+p.text, true
	o.sources[a.flag] = source{rankFlag, o.from(overFlag) + " " + a.name}
	return do()
}
