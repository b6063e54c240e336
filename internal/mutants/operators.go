package mutants

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/token"
	"regexp"
	"strings"
)

// called returns the receiver and the method of a call such as x.mu.Lock(), or "" and a function's name; "", "" for other nodes. A deferred
// call is one, too.
func (g *generator) called(n ast.Node) (receiver, method string) {
	switch n := n.(type) {
	case *ast.ExprStmt:
		return g.called(n.X)
	case *ast.DeferStmt:
		return g.called(n.Call)
	case *ast.CallExpr:
		switch f := n.Fun.(type) {
		case *ast.SelectorExpr:
			return g.text(f.X), f.Sel.Name
		case *ast.Ident:
			return "", f.Name
		}
	}
	return "", ""
}

// locks changes the use of a lock in the whole function: a lock that is not taken, one that is not released, one that is
// released too early, and one that is shared with others.
func (g *generator) locks() {
	calls := map[string][]ast.Stmt{} // statements by receiver, a space, and what they do with it
	ast.Inspect(g.in.Body, func(n ast.Node) bool {
		s, ok := n.(ast.Stmt)
		if !ok {
			return true
		}
		if receiver, method := g.called(s); opposite[method] != "" {
			calls[receiver+" "+method] = append(calls[receiver+" "+method], s)
			if d, deferred := s.(*ast.DeferStmt); deferred {
				g.add(s, g.short(s)+" not deferred", g.replace(s, g.text(d.Call)))
			} else if !opens[method] {
				g.add(s, g.short(s)+" dropped", g.replace(s, ""))
			}
		}
		return true
	})
	for of, taken := range calls {
		receiver, method, _ := strings.Cut(of, " ")
		if !opens[method] {
			continue
		}
		released := calls[receiver+" "+opposite[method]]
		var without, shared []edit
		for _, s := range append(taken, released...) {
			without = append(without, g.replace(s, ""))
			shared = append(shared, g.replace(s, strings.NewReplacer(".Lock()", ".RLock()", ".Unlock()", ".RUnlock()").Replace(g.text(s))))
		}
		g.add(taken[0], g.short(taken[0])+" and its release dropped", without...)
		if method == "Lock" && len(released) > 0 && bytes.Contains(g.source, []byte("sync.RWMutex")) {
			g.add(taken[0], g.short(taken[0])+" made an RLock", shared...)
		}
	}
}

// opposite returns the method that releases what another takes, and the other way round.
var opposite = map[string]string{"Lock": "Unlock", "Unlock": "Lock", "RLock": "RUnlock", "RUnlock": "RLock",
	"lock": "unlock", "unlock": "lock", "acquire": "unlock"}

var opens = map[string]bool{"Lock": true, "RLock": true, "lock": true, "acquire": true}

// observes reports whether a statement only tells an observer that a lock was asked for or granted.
func (g *generator) observes(s ast.Stmt) bool {
	receiver, method := g.called(s)
	return receiver == "manager" && strings.HasPrefix(method, "Lock")
}

// effects are the methods whose order others can see.
var effects = map[string]bool{"Store": true, "remove": true, "insert": true, "clear": true, "Add": true, "add": true, "addReady": true,
	"addReplaced": true, "Start": true, "start": true, "leave": true, "release": true, "recycle": true, "stop": true, "settle": true,
	"shrink": true, "fit": true, "finish": true, "move": true, "moveBucket": true, "Wait": true, "close": true, "delete": true, "put": true, "Put": true}

// effect reports whether others can see what a statement does: it locks, unlocks, stores, removes, sends or closes.
func (g *generator) effect(s ast.Stmt) bool {
	switch s := s.(type) {
	case *ast.ExprStmt, *ast.DeferStmt:
		_, method := g.called(s)
		return opposite[method] != "" || effects[method]
	case *ast.AssignStmt:
		if s.Tok == token.DEFINE {
			return false
		}
		for _, to := range s.Lhs {
			switch to.(type) {
			case *ast.SelectorExpr, *ast.IndexExpr, *ast.StarExpr:
				return true
			}
		}
	case *ast.SendStmt:
		return true
	}
	return false
}

// block drops statements with effects, other than those of locks, and swaps them with the statement that follows.
func (g *generator) block(list []ast.Stmt) {
	var steps []ast.Stmt
	for _, s := range list {
		if !g.observes(s) {
			steps = append(steps, s)
		}
	}
	for i, s := range steps {
		_, method := g.called(s)
		if g.effect(s) && opposite[method] == "" {
			g.add(s, g.short(s)+" dropped", g.replace(s, ""))
		}
		if i+1 == len(steps) {
			break
		}
		next := steps[i+1]
		_, then := g.called(next)
		if g.movable(s, method, next, then) {
			g.add(s, fmt.Sprintf("%s after %s", g.short(s), g.short(next)), g.replace(s, g.text(next)), g.replace(next, g.text(s)))
		}
	}
}

// movable reports whether it means something if s came after next: a lock that is taken later, one that is released earlier, or two
// effects in another order.
func (g *generator) movable(s ast.Stmt, method string, next ast.Stmt, then string) bool {
	if g.ends(next) || opposite[method] != "" && opposite[then] != "" {
		return false
	}
	switch next.(type) {
	case *ast.ExprStmt, *ast.DeferStmt:
		if opposite[then] != "" {
			_, now := next.(*ast.ExprStmt)
			return now && !opens[then]
		}
	}
	if opens[method] {
		return true
	}
	return opposite[method] == "" && g.effect(s) && g.effect(next)
}

// ends reports whether s ends its block.
func (g *generator) ends(s ast.Stmt) bool {
	switch s.(type) {
	case *ast.ReturnStmt, *ast.BranchStmt:
		return true
	}
	return false
}

// decisive is what a condition mentions that decides whether a session is live, or who has it.
var decisive = regexp.MustCompile(`\b(dead|moved|live|found|taken|queued|granted|inside|gone|withdrawn|errStopped|owner|depth|binSize)\b|` +
	`\.(Load|CompareAndSwap|TryLock|TryRLock|insert|empty|unused)\(|[!=]= (e|s|in)\b`)

// ending is what a condition mentions that ends an operation.
var ending = regexp.MustCompile(`\b(closed|shut|stopped)\b|\bctx\.Err\(`)

// condition makes a condition always false or true, or negates it, and drops its operands one by one. One that only ends operations is
// not made true: then no operation succeeds, which every test shows.
func (g *generator) condition(cond ast.Expr, init ast.Stmt) {
	text := g.text(cond)
	if init != nil {
		text = g.text(init) + "; " + text
	}
	decides := decisive.MatchString(strings.ReplaceAll(text, "closed.Load()", "closed"))
	if !decides && !ending.MatchString(text) {
		return
	}
	g.add(cond, g.short(cond)+" never", g.replace(cond, "("+g.text(cond)+") && false"))
	if decides {
		g.add(cond, g.short(cond)+" always", g.replace(cond, "("+g.text(cond)+") || true"))
	}
	if strings.Contains(text, "dead") || strings.Contains(text, "live") {
		g.add(cond, g.short(cond)+" negated", g.replace(cond, "!("+g.text(cond)+")"))
	}
	ast.Inspect(cond, func(n ast.Node) bool {
		b, ok := n.(*ast.BinaryExpr)
		if !ok || b.Op != token.LAND && b.Op != token.LOR {
			return true
		}
		g.add(b, fmt.Sprintf("%s without %s", g.short(b), g.short(b.Y)), g.replace(b, g.text(b.X)))
		g.add(b, fmt.Sprintf("%s without %s", g.short(b), g.short(b.X)), g.replace(b, g.text(b.Y)))
		return true
	})
}

// call changes atomic operations, removals and copies.
func (g *generator) call(c *ast.CallExpr) {
	receiver, method := g.called(c)
	var args []string
	for _, a := range c.Args {
		args = append(args, g.text(a))
	}
	change := func(how, text string) { g.add(c, g.short(c)+" "+how, g.replace(c, text)) }
	switch {
	case method == "CompareAndSwap":
		change("as a store", fmt.Sprintf("func() bool { _ = %s; %s.Store(%s); return true }()", args[0], receiver, args[1]))
		change("in two steps", fmt.Sprintf("(%s.Load() == %s && func() bool { %s.Store(%s); return true }())", receiver, args[0], receiver, args[1]))
	case method == "Add" && len(args) == 1:
		change("in two steps", fmt.Sprintf("func() int64 { n := %s.Load() + %s; %s.Store(n); return n }()", receiver, args[0], receiver))
	case method == "CompareAndDelete":
		change("by key", fmt.Sprintf("%s.Delete(%s)", receiver, args[0]))
	case method == "copyTo":
		change("as an assignment", fmt.Sprintf("func() { *%s = *%s }()", args[1], args[0]))
	case method == "copyOf":
		change("without a copy", "*"+args[0])
	}
}

// twoSteps makes v, found := m.LoadOrStore(key, value) a look-up and a store.
func (g *generator) twoSteps(s *ast.AssignStmt) {
	receiver, method := g.called(s.Rhs[0])
	if method != "LoadOrStore" || len(s.Lhs) != 2 {
		return
	}
	c := s.Rhs[0].(*ast.CallExpr)
	key, value, found := g.text(c.Args[0]), g.text(c.Args[1]), g.text(s.Lhs[1])
	g.add(s, g.short(c)+" in two steps", g.replace(s, fmt.Sprintf("%s, %s %s %s.Load(%s); if !%s { %s.Store(%s, %s) }",
		g.text(s.Lhs[0]), found, s.Tok, receiver, key, found, receiver, key, value)))
}
