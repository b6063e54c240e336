// Package mutants makes small changes to the sources of the strategies, each of which removes something that protects a session from
// concurrent operations. Each mutant is built and verified: one that verify does not convict is either equivalent to the original, or
// shows what verify does not see.
//
// Tools such as go-mutesting and gremlins change arithmetic, comparisons and branches, and run a package's own tests on a copy of it.
// The operators here are those of locks, liveness and atomic operations, since others say little about concurrency; the judge is
// verify; and `go build -overlay` leaves the tree as it is.
package mutants

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strings"
)

// Mutant is one change to a source file.
type Mutant struct {
	File string // without its directory
	Func string // the function that is changed: "Type.Method"
	Line int    // of the change
	What string // the operator, and what it was applied to, in one line

	edits []edit // in the order of the file, without overlaps
}

// edit replaces the bytes [from, to) of a file.
type edit struct {
	from, to int
	text     string
}

// Key identifies the mutant as long as the changed code stays the same, wherever it moves in its file.
func (m *Mutant) Key() string { return m.File + " " + m.Func + ": " + m.What }

// Apply returns the file with the change.
func (m *Mutant) Apply(source []byte) []byte {
	var out bytes.Buffer
	at := 0
	for _, e := range m.edits {
		out.Write(source[at:e.from])
		out.WriteString(e.text)
		at = e.to
	}
	out.Write(source[at:])
	return out.Bytes()
}

// Diff returns the lines that the change removes, with "-", and those that it adds, with "+".
func (m *Mutant) Diff(source []byte) string {
	before, after := strings.Split(string(source), "\n"), strings.Split(string(m.Apply(source)), "\n")
	start := 0
	for before[start] == after[start] {
		start++
	}
	end := 0
	for end < min(len(before), len(after))-start && before[len(before)-1-end] == after[len(after)-1-end] {
		end++
	}
	var diff strings.Builder
	for _, line := range before[start : len(before)-end] {
		diff.WriteString("-" + line + "\n")
	}
	for _, line := range after[start : len(after)-end] {
		diff.WriteString("+" + line + "\n")
	}
	return diff.String()
}

// Of returns all mutants of a source file, in the order of their lines.
func Of(file string, source []byte) ([]*Mutant, error) {
	fset := token.NewFileSet()
	parsed, err := parser.ParseFile(fset, file, source, 0)
	if err != nil {
		return nil, err
	}
	g := &generator{source: source, tokens: fset.File(parsed.Pos()), file: file}
	for _, d := range parsed.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil && !quiet.MatchString(f.Name.Name) {
			g.of(f)
		}
	}
	slices.SortStableFunc(g.mutants, func(a, b *Mutant) int { return a.Line - b.Line })
	seen := map[string]int{}
	for _, m := range g.mutants {
		key := m.Key()
		if seen[key]++; seen[key] > 1 {
			m.What += fmt.Sprintf(" (%d)", seen[key])
		}
	}
	return g.mutants, nil
}

// quiet are functions that run before others can use the store, or only count for a test.
var quiet = regexp.MustCompile(`^([nN]ew|init$|Census$|len$)`)

// generator collects the mutants of a file.
type generator struct {
	source  []byte
	tokens  *token.File
	file    string
	in      *ast.FuncDecl // the function at hand
	mutants []*Mutant
}

// of adds the mutants of a function.
func (g *generator) of(f *ast.FuncDecl) {
	g.in = f
	g.locks()
	ast.Inspect(f.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BlockStmt:
			g.block(n.List)
		case *ast.CaseClause:
			for _, cond := range n.List {
				g.condition(cond, nil)
			}
			g.block(n.Body)
		case *ast.CommClause:
			g.block(n.Body)
		case *ast.IfStmt:
			g.condition(n.Cond, n.Init)
		case *ast.ForStmt:
			if n.Cond != nil {
				g.condition(n.Cond, nil)
			}
		case *ast.CallExpr:
			g.call(n)
		case *ast.AssignStmt:
			g.twoSteps(n)
		}
		return true
	})
}

// add adds a mutant at n. what says what the operator does to the code at n.
func (g *generator) add(n ast.Node, what string, edits ...edit) {
	slices.SortFunc(edits, func(a, b edit) int { return a.from - b.from })
	g.mutants = append(g.mutants, &Mutant{File: g.file, Func: nameOf(g.in), Line: g.tokens.Line(n.Pos()), What: what, edits: edits})
}

// nameOf returns a function's name, with that of its receiver's type.
func nameOf(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return f.Name.Name
	}
	t := f.Recv.List[0].Type
	for {
		switch of := t.(type) {
		case *ast.StarExpr:
			t = of.X
		case *ast.IndexExpr:
			t = of.X
		case *ast.IndexListExpr:
			t = of.X
		case *ast.Ident:
			return of.Name + "." + f.Name.Name
		default:
			return f.Name.Name
		}
	}
}

// text returns the code of n.
func (g *generator) text(n ast.Node) string {
	return string(g.source[g.tokens.Offset(n.Pos()):g.tokens.Offset(n.End())])
}

// short returns the code of n in one line that is not too long.
func (g *generator) short(n ast.Node) string {
	text := strings.Join(strings.Fields(g.text(n)), " ")
	if r := []rune(text); len(r) > 60 {
		text = string(r[:57]) + "..."
	}
	return text
}

// replace returns the edit that replaces n.
func (g *generator) replace(n ast.Node, text string) edit {
	return edit{g.tokens.Offset(n.Pos()), g.tokens.Offset(n.End()), text}
}
