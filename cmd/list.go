package cmd

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sessbench/sessbench/internal/setting"
	"github.com/sessbench/sessbench/internal/sheet"
	"github.com/sessbench/sessbench/reports"
	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/strategies"
)

// listOptions are the options of `list`.
type listOptions struct {
	*app
	Format string
}

// The formats of commands without a result document.
const (
	formatTable = "table"
	formatJSON  = "json"
)

func newListCmd(a *app) *cobra.Command {
	o := &listOptions{app: a, Format: formatTable}
	c := &cobra.Command{
		Use:   "list [flags]",
		Short: "List strategies with their guarantees, scenarios, and output formats",
		Long: `List prints the strategies with their guarantees and parameters, the scenarios with their purpose and defaults, and
the output formats.`,
		Example: "  sessbench list\n  sessbench list -f json",
		Args:    noArgs,
		RunE:    func(*cobra.Command, []string) error { return o.run() },
	}
	fs := newFlagGroup("Flags")
	fs.VarP(into(o.Format, setting.Choice(formatTable, formatJSON), &o.Format), "format", "f", "`KIND` of output: table, json")
	addGroups(c, fs)
	return c
}

func (o *listOptions) run() error {
	l := o.listing()
	if o.Format == formatJSON {
		return result.EncodeJSON(o.out, l)
	}
	return l.write(o.out, width(o.out))
}

// listing is the JSON output of list.
type listing struct {
	Strategies []listedStrategy `json:"strategies"`
	Remote     []listedStrategy `json:"remote"` // not in "all": they keep sessions outside this process
	Probes     []listedStrategy `json:"probes"` // not in "all": they measure the harness
	Scenarios  []listedScenario `json:"scenarios"`
	Formats    []listedFormat   `json:"formats"`
}

type listedStrategy struct {
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

type listedScenario struct {
	Name       string   `json:"name"`
	Tells      string   `json:"tells"`
	Users      int      `json:"users"`
	Sessions   int      `json:"sessions"`
	HoldNs     int64    `json:"hold_ns"`
	HoldKind   string   `json:"hold_kind"`
	ThinkNs    int64    `json:"think_ns"`
	TTLNs      int64    `json:"ttl_ns"`     // 0: sessions do not expire
	Iterations int      `json:"iterations"` // visits of each user; 0: until the window ends
	Keys       string   `json:"keys"`
	Visit      []string `json:"visit,omitempty"`
	Mix        string   `json:"mix,omitempty"`
	Legal      []string `json:"legal_operations"`
}

type listedFormat struct {
	Name      string `json:"name"`
	Extension string `json:"extension"`
	Doc       string `json:"doc"`
}

func (a *app) listing() *listing {
	return &listing{
		Strategies: mapped(a.strategies(), listStrategy),
		Remote:     mapped(a.remote(), listStrategy),
		Probes:     mapped(a.probes(), listStrategy),
		Scenarios:  mapped(scenarios.All(), listScenario),
		Formats: mapped(reports.All(), func(f reports.Format) listedFormat {
			return listedFormat{f.Name, f.Extension, f.Doc}
		}),
	}
}

func listStrategy(s *strategies.Strategy) listedStrategy {
	g := s.Guarantees
	listed := listedStrategy{
		Name: s.Name,
		How:  s.Description,
		Guarantees: listedGuarantees{
			Blocks:      string(g.Blocks),
			Exclusive:   g.ExclusiveUpdates,
			Reentrant:   g.Reentrant,
			Cancellable: cmp.Or(string(g.Cancellable), "no"),
			Rollback:    g.Rollback,
			Fair:        g.Fair,
		},
		Parameters: []listedParam{},
	}
	for _, p := range s.Params {
		listed.Parameters = append(listed.Parameters, listedParam{p.Name, p.Default, p.Doc, cmp.Or(p.Legal, "anything")})
	}
	return listed
}

func listScenario(s *scenarios.Scenario) listedScenario {
	return listedScenario{
		Name:       s.Name,
		Tells:      s.Purpose,
		Users:      s.Users,
		Sessions:   s.Sessions,
		HoldNs:     int64(s.Hold),
		HoldKind:   s.HoldKind(),
		ThinkNs:    int64(s.Think),
		TTLNs:      int64(s.TTL),
		Iterations: s.Iterations,
		Keys:       s.Keys.String(),
		Visit:      operationNames(s.Visit),
		Mix:        s.Mix.String(),
		Legal:      operationNames(s.Legal),
	}
}

// write writes the listing as tables, if possible no wider than columns.
func (l *listing) write(w io.Writer, columns int) error {
	guarantees := []string{"strategy", "blocks", "exclusive", "reentrant", "cancellable", "rollback", "fair", "how"}
	var params [][]string
	for _, s := range slices.Concat(l.Strategies, l.Remote, l.Probes) {
		for _, p := range s.Parameters {
			params = append(params, []string{s.Name, p.Name, p.Default, p.Doc + ": " + p.Legal})
		}
	}
	for _, part := range []struct {
		heading string
		sheet.Sheet
	}{
		{"Strategies: what a busy session blocks, and what each guarantees", sheet.Sheet{
			Titles: guarantees, Rows: mapped(l.Strategies, listedStrategy.row)}},
		{"Strategies that keep sessions outside this process: not in \"all\"", sheet.Sheet{
			Titles: guarantees, Rows: mapped(l.Remote, listedStrategy.row)}},
		{"Parameters of strategies, for --param and -S NAME:PARAM=VALUE", sheet.Sheet{
			Titles: []string{"strategy", "parameter", "default", "meaning"}, Rows: params}},
		{"Probes of the harness: not in \"all\", not audited, not ranked", sheet.Sheet{
			Titles: []string{"probe", "how"},
			Rows:   mapped(l.Probes, func(s listedStrategy) []string { return []string{s.Name, s.How} })}},
		{"Scenarios and their defaults", sheet.Sheet{
			Titles: []string{"scenario", "users", "sessions", "work", "ends", "purpose, and operations of a visit"},
			Rows:   mapped(l.Scenarios, listedScenario.row)}},
		{"Formats, for --format and --out", sheet.Sheet{
			Titles: []string{"format", "files", "for"},
			Rows:   mapped(l.Formats, func(f listedFormat) []string { return []string{f.Name, "*" + f.Extension, f.Doc} })}},
	} {
		if len(part.Rows) == 0 {
			continue
		}
		if _, err := fmt.Fprintf(w, "%s\n\n", part.heading); err != nil {
			return err
		}
		if err := part.Write(w, columns); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(w); err != nil {
			return err
		}
	}
	return nil
}

func (s listedStrategy) row() []string {
	g := s.Guarantees
	return []string{s.Name, g.Blocks, yes(g.Exclusive), yes(g.Reentrant), g.Cancellable, yes(g.Rollback), yes(g.Fair), s.How}
}

func (s listedScenario) row() []string {
	ends := "timed"
	if s.Iterations > 0 {
		ends = fmt.Sprintf("%d × visit", s.Iterations)
	}
	return []string{
		s.Name, result.FormatCount(int64(s.Users)), result.FormatCount(int64(s.Sessions)),
		fmt.Sprintf("%v %s", time.Duration(s.HoldNs), s.HoldKind), ends,
		s.Tells + " Visit: " + cmp.Or(s.Mix, strings.Join(s.Visit, ", ")) + ".",
	}
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
