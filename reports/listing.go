package reports

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sessbench/sessbench/internal/sheet"
	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/strategies"
)

// Listing is what a build can run: strategies, scenarios, formats and flawed stores.
type Listing struct {
	Strategies []ListedStrategy  `json:"strategies"`
	Remote     []ListedStrategy  `json:"remote"` // not in "all": they keep sessions outside this process
	Probes     []ListedStrategy  `json:"probes"` // not in "all": they measure the harness
	Scenarios  []scenarios.Brief `json:"scenarios"`
	Formats    []listedFormat    `json:"formats"`
	Flawed     []ListedFlaw      `json:"flawed"` // for verify only
}

// ListedStrategy is a strategy in a [Listing].
type ListedStrategy struct {
	Name       string           `json:"name"`
	How        string           `json:"how"`
	Guarantees listedGuarantees `json:"guarantees"`
	Parameters []listedParam    `json:"parameters"`
}

type listedGuarantees struct {
	Blocks      string `json:"blocks"`            // the operations that wait for a busy session
	Exclusive   bool   `json:"exclusive_updates"` // an update runs once, alone with its session
	Reentrant   bool   `json:"reentrant"`         // a callback may use its session again
	Cancellable string `json:"cancellable"`       // when a cancelled context ends a wait: no, while queued, between tries, yes
	Rollback    bool   `json:"rollback"`          // a failed update leaves the session as it was
	Fair        bool   `json:"fair"`              // no caller that waits for a session starves
}

type listedParam struct {
	Name    string `json:"name"`
	Default string `json:"default"`
	Doc     string `json:"doc"`
	Legal   string `json:"legal"`
}

type listedFormat struct {
	Name      string `json:"name"`
	Extension string `json:"extension"`
	Doc       string `json:"doc"`
}

// ListedFlaw is a store that is wrong on purpose in a [Listing].
type ListedFlaw struct {
	Name   string `json:"name"`
	How    string `json:"how"`
	Copies string `json:"copies"` // software that has, or had, this bug
}

// NewListing lists strategies, flawed stores, and all scenarios and formats.
func NewListing(all, remote, probes []*strategies.Strategy, flaws []ListedFlaw) *Listing {
	l := &Listing{Strategies: listStrategies(all), Remote: listStrategies(remote), Probes: listStrategies(probes), Flawed: flaws}
	for _, s := range scenarios.All() {
		l.Scenarios = append(l.Scenarios, s.Brief())
	}
	for _, f := range All() {
		l.Formats = append(l.Formats, listedFormat{f.Name, f.Extension, f.Doc})
	}
	return l
}

func listStrategies(of []*strategies.Strategy) (list []ListedStrategy) {
	for _, s := range of {
		g := s.Guarantees
		listed := ListedStrategy{s.Name, s.Description, listedGuarantees{string(g.Blocks), g.ExclusiveUpdates, g.Reentrant,
			cmp.Or(string(g.Cancellable), "no"), g.Rollback, g.Fair}, []listedParam{}}
		for _, p := range s.Params {
			listed.Parameters = append(listed.Parameters, listedParam{p.Name, p.Default, p.Doc, cmp.Or(p.Legal, "anything")})
		}
		list = append(list, listed)
	}
	return list
}

// ListingFormats returns the formats of listings by name.
func ListingFormats() []FormatOf[*Listing] {
	return kind[*Listing]{name: "list", shows: "strategies, scenarios, formats and flawed stores", page: listingPage}.formats()
}

func listingPage(l *Listing, _ Options) *sheet.Page {
	p := &sheet.Page{}
	add := func(heading string, titles []string, rows [][]string) {
		if len(rows) > 0 {
			p.Heading(sheet.Plain, heading)
			p.Table(sheet.Words(titles, rows))
		}
	}
	var params, probes, work, formats, flaws [][]string
	for _, s := range slices.Concat(l.Strategies, l.Remote, l.Probes) {
		for _, p := range s.Parameters {
			params = append(params, []string{s.Name, p.Name, p.Default, p.Doc + ": " + p.Legal})
		}
	}
	for _, s := range l.Probes {
		probes = append(probes, []string{s.Name, s.How})
	}
	for _, s := range l.Scenarios {
		ends := "timed"
		if s.Iterations > 0 {
			ends = fmt.Sprintf("%d × visit", s.Iterations)
		}
		work = append(work, []string{s.Name, result.FormatCount(int64(s.Users)), result.FormatCount(int64(s.Sessions)),
			fmt.Sprintf("%v %s", time.Duration(s.HoldNs), s.HoldKind), ends,
			s.Purpose + " Visit: " + cmp.Or(s.Mix, strings.Join(s.Visit, ", ")) + "."})
	}
	for _, f := range l.Formats {
		formats = append(formats, []string{f.Name, "*" + f.Extension, f.Doc})
	}
	for _, f := range l.Flawed {
		flaws = append(flaws, []string{f.Name, f.How})
	}
	guarantees := []string{"strategy", "blocks", "exclusive", "reentrant", "cancellable", "rollback", "fair", "how"}
	add("Strategies: what a busy session blocks, and what each guarantees", guarantees, guaranteeRows(l.Strategies))
	add(`Strategies that keep sessions outside this process: not in "all"`, guarantees, guaranteeRows(l.Remote))
	add("Parameters of strategies, for --param and -S NAME:PARAM=VALUE", []string{"strategy", "parameter", "default", "meaning"}, params)
	add(`Probes of the harness: not in "all", not audited, not ranked`, []string{"probe", "how"}, probes)
	add("Scenarios and their defaults", []string{"scenario", "users", "sessions", "work", "ends", "purpose, and operations of a visit"}, work)
	add("Formats, for --format and --out", []string{"format", "files", "for"}, formats)
	add("Stores that are wrong on purpose, for verify --flawed", []string{"flawed store", "how"}, flaws)
	return p
}

func guaranteeRows(list []ListedStrategy) (rows [][]string) {
	yes := map[bool]string{true: "yes", false: "no"}
	for _, s := range list {
		g := s.Guarantees
		rows = append(rows, []string{s.Name, g.Blocks, yes[g.Exclusive], yes[g.Reentrant], g.Cancellable, yes[g.Rollback], yes[g.Fair], s.How})
	}
	return rows
}
