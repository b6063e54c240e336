package scenarios

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestOpNames(t *testing.T) {
	seen := map[string]bool{}
	for op := range NumOps {
		name := op.String()
		if name == "" || seen[name] {
			t.Errorf("operation %d is called %q: want a name of its own", op, name)
		}
		seen[name] = true
		if got, err := ParseOp(name); err != nil || got != op {
			t.Errorf("ParseOp(%q) = %v, %v: want %v", name, got, err, op)
		}
	}
	for _, name := range []string{"", "Append", " append", "append=1", "no-op"} {
		_, err := ParseOp(name)
		if err == nil || !strings.Contains(err.Error(), `"`+name+`"`) || !strings.Contains(err.Error(), "create, get_or_create") {
			t.Errorf("ParseOp(%q): error %v, want one that names it and the legal ones", name, err)
		}
	}
}

func TestOpMutates(t *testing.T) {
	for op, want := range map[Op]bool{
		Append: true, Touch: true, Update: true, Create: false, GetOrCreate: false, History: false, Validate: false, Read: false,
		Delete: false, Sweep: false,
	} {
		if op.Does(Mutates) != want {
			t.Errorf("%v changes an existing session: %v, want %v", op, op.Does(Mutates), want)
		}
	}
}

func TestTapeOpPacking(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		op := Op(rapid.Uint8Range(0, uint8(NumOps)-1).Draw(t, "op"))
		slot := rapid.Uint32().Draw(t, "slot")
		size := rapid.IntRange(-MaxSize, 2*MaxSize).Draw(t, "size")
		start := rapid.Bool().Draw(t, "start")
		s := NewTapeOp(op, slot, size, start)
		if s.Op() != op || s.Slot() != slot || s.Start() != start {
			t.Errorf("%v of slot %d, start %v came back as %v, %d, %v", op, slot, start, s.Op(), s.Slot(), s.Start())
		}
		if want := min(max(size, 0), MaxSize); s.Size() != want {
			t.Errorf("size %d came back as %d: want %d", size, s.Size(), want)
		}
	})
}
