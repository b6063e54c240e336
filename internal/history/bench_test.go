package history

import (
	"cmp"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

const million = 1_000_000

// longHistory is what eight users did to one session: every second operation reads its messages, every third adds one, and
// each of ten incarnations ends in a deletion. The k-th operation takes effect at 10k, so that every beginning is linearizable, too.
func longHistory(n int) *History {
	rng := rand.New(rand.NewPCG(1, 2))
	h := &History{Ops: make([]Op, n)}
	read := make([]Tag, 0, n/2*keeps+n/10*keeps)
	var s state
	for k := range h.Ops {
		at, user := int64(10*k), k%8
		op := Op{
			User: int32(user), Outcome: OK, Tag: NewTag(user, uint64(k)),
			Call: at - rng.Int64N(40), Return: at + rng.Int64N(40),
		}
		switch dice := rng.IntN(100); {
		case !s.there && dice < 50:
			op.Kind, op.Outcome = Append, NotFound
		case !s.there:
			op.Kind, op.Created = GetOrCreate, true
			s = state{there: true, incarnation: op.Tag}
		case k%(n/10) == n/10-1:
			op.Kind = Delete
		case dice < 50:
			op.Kind = ReadMessages
		case dice < 85:
			op.Kind = Append
		case dice < 95:
			op.Kind = Update
		default:
			op.Kind = GetOrCreate
		}
		if op.Outcome == OK {
			s.apply(&op)
			op.Parts, op.Incarnation, op.Version, op.Seq = PartIncarnation|PartVersion|PartSeq, s.incarnation, s.version, s.seq
			if op.Kind == ReadMessages {
				from := len(read)
				read = append(read, s.messages()...)
				op.Parts, op.Messages = op.Parts|PartMessages, read[from:len(read):len(read)]
			}
		}
		if op.Kind == Delete {
			s = state{}
		}
		h.Ops[k] = op
	}
	return h
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

const megabyte = 1 << 20

// BenchmarkWitness certifies one history of a million operations. history-MB is the history itself; allocated-MB is all that the
// witness allocates, which its peak cannot exceed.
func BenchmarkWitness(b *testing.B) {
	before := heap()
	h := longHistory(million)
	history := heap() - before
	slices.SortStableFunc(h.Ops, func(a, b Op) int { return cmp.Compare(a.User, b.User) }) // as the users' records are put together
	var from, to runtime.MemStats
	runtime.ReadMemStats(&from)
	for b.Loop() {
		if certified, found := Witness(h); !certified {
			b.Fatalf("%+v", found)
		}
	}
	runtime.ReadMemStats(&to)
	b.ReportMetric(float64(history)/megabyte, "history-MB")
	b.ReportMetric(float64(to.TotalAlloc-from.TotalAlloc)/float64(b.N)/megabyte, "allocated-MB")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/million, "ns/operation")
	runtime.KeepAlive(h)
}

// BenchmarkPorcupine decides the longest beginning of that history that porcupine can decide in the time that the
// witness takes for all of it.
func BenchmarkPorcupine(b *testing.B) {
	h := longHistory(million)
	start := time.Now()
	if certified, found := Witness(h); !certified {
		b.Fatalf("%+v", found)
	}
	budget := time.Since(start)
	most := 0
	for n := 1000; n <= million; n += n / 4 {
		if search(b.Context(), &History{Ops: h.Ops[:n]}, budget, megabyte<<10) != porcupine.Ok {
			break
		}
		most = n
	}
	if most == 0 {
		b.Fatal("porcupine decided nothing")
	}
	part := &History{Ops: h.Ops[:most]}
	for b.Loop() {
		search(b.Context(), part, 0, megabyte<<10)
	}
	b.ReportMetric(float64(len(part.Ops)), "operations")
	b.ReportMetric(100*float64(len(part.Ops))/million, "%-of-the-history")
	b.ReportMetric(float64(len(part.Ops))/(b.Elapsed().Seconds()/float64(b.N)), "operations/s")
}
