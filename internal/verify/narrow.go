package verify

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/sessbench/sessbench/internal/history"
)

// Some races need two users within a few instructions of each other, in a state of the store that is rare: a session that is being
// inserted, an index that is being replaced by a larger one. Pauses do not help there. These rounds repeat one situation as fast as
// possible: operations without pauses, few on each session, so that their histories are short.

// recipe draws the script of a round. Each recipe is about other races.
type recipe interface {
	draw(rng *rand.Rand, cfg *Config) script
}

// recipeOf returns the recipe of the round with this seed: of eight rounds in succession three are narrow, one of each kind, and their
// places change so that each is combined with each number of processors. Targets, whose operations take long, and scenarios have mixed
// rounds only.
func recipeOf(seed uint64, cfg *Config, target *remote) recipe {
	place := (seed + seed/8) % 8
	if target != nil || len(cfg.Scenarios) > 0 || place%3 != 0 {
		return mixed{target}
	}
	return [...]recipe{creation{}, growth{}, burst{}}[place/3]
}

// The bounds of a narrow round. On a store in memory it takes some ten milliseconds; on one that takes a millisecond for each operation
// its users stop early.
const (
	narrowOps  = 2000 // more or less
	narrowTime = 250 * time.Millisecond
)

// narrowUsers draws the number of users of a narrow round. Two users on two processors meet within some instructions more often than
// users that take turns on them; more users run into one that the system has stopped there.
func narrowUsers(rng *rand.Rand, cfg *Config) int {
	return max(1, min([]int{2, 2, 4, 8}[rng.IntN(4)], cfg.Users))
}

// drawDirect returns a script whose users perform the operations that next returns, without pauses. They wait for each other before
// every stretch operations; 0: only at the start.
func drawDirect(rng *rand.Rand, users, slots, each, stretch int, next func(user, k int) (history.Kind, int)) script {
	s := script{
		slots: slots, stretch: stretch, direct: true,
		gc: rng.IntN(8) == 0,
	}
	if stretch == 0 {
		s.stretch = each
	}
	s.users = make([][]plan, users)
	for k := range each {
		for u := range users {
			if k == 0 {
				s.users[u] = make([]plan, each)
			}
			kind, slot := next(u, k)
			s.users[u][k] = plan{act: usual(kind), slot: uint32(slot)}
		}
	}
	return s
}

// readOf returns a read that sees what a write of kind k writes.
func readOf(k history.Kind) history.Kind {
	if k == history.Update {
		return history.ReadFields
	}
	return history.ReadMessages
}

// creation is a round in which all users create a session at the same instant and read it at once. In half of the rounds each then
// performs one more operation on it at the same instant, all of them the same one or each another one, and reads it again.
type creation struct{}

func (creation) draw(rng *rand.Rand, cfg *Config) script {
	const stretch = 2 // operations at the same instant, and their reads
	users, each := narrowUsers(rng, cfg), stretch<<rng.IntN(2)
	users = max(1, min(users, cfg.Ops/each))
	slots := max(1, narrowOps/(users*each))
	contests := []history.Kind{history.GetOrCreate, history.Append, history.Update, history.Delete}
	then := make([]history.Kind, users)
	return drawDirect(rng, users, slots, slots*each, stretch, func(u, k int) (history.Kind, int) {
		slot := k / each
		if u == 0 && k%each == 0 {
			for i := range then {
				then[i] = contests[rng.IntN(len(contests))]
			}
			if rng.IntN(2) == 0 {
				then = slices.Repeat(then[:1], users)
			}
		}
		switch k % each {
		case 0:
			return history.GetOrCreate, slot
		case stretch:
			return then[u], slot
		}
		return readOf(then[u]), slot
	})
}

// growth is a round in which the store grows from nothing through several doublings of its index. Each user creates sessions of its
// own and reads them at once, or the one that it has deleted just before, which may still be in the smaller index. Beside that it reads,
// uses and deletes sessions that it or another user created earlier.
type growth struct{}

const (
	leastSessions = 64 // of a growth round
	doublings     = 6  // from leastSessions to the most, exclusive
)

func (growth) draw(rng *rand.Rand, cfg *Config) script {
	users := narrowUsers(rng, cfg)
	own := (leastSessions << rng.IntN(doublings)) / users
	const per = 3                              // operations per session
	deleted := slices.Repeat([]int{-1}, users) // the slot that each user has just deleted; -1: none
	return drawDirect(rng, users, own*users, own*per, 0, func(u, k int) (history.Kind, int) {
		mine := k / per
		switch k % per {
		case 0:
			return history.GetOrCreate, u*own + mine
		case 1:
			slot := deleted[u]
			if deleted[u] = -1; slot < 0 {
				slot = u*own + mine
			}
			return history.ReadMessages, slot
		}
		earlier := rng.IntN(mine+1) + own*rng.IntN(users)
		switch rng.IntN(8) {
		case 0:
			deleted[u] = u*own + earlier%own
			return history.Delete, deleted[u]
		case 1:
			return history.GetOrCreate, earlier
		case 2:
			return history.Append, earlier
		}
		return history.ReadMessages, earlier
	})
}

// burst is a round in which users repeat up to three operations on a session as fast as they can.
type burst struct{}

// opsOfBurst is the number of operations on a session.
const opsOfBurst = 200

func (burst) draw(rng *rand.Rand, cfg *Config) script {
	users := narrowUsers(rng, cfg)
	each := max(1, min(opsOfBurst, cfg.Ops)/users)
	slots := max(1, narrowOps/(each*users))
	bursts := [][]history.Kind{
		{history.Append}, {history.Update},
		{history.Append, history.ReadMessages}, {history.Update, history.ReadFields},
		{history.GetOrCreate, history.Delete}, {history.GetOrCreate, history.Delete},
		{history.GetOrCreate, history.Append, history.Sweep},
	}
	var kinds []history.Kind
	return drawDirect(rng, users, slots, each*slots, each, func(u, k int) (history.Kind, int) {
		slot := k / each
		switch {
		case k%each > 0:
		case u == 0:
			kinds = bursts[rng.IntN(len(bursts))]
			fallthrough
		default:
			return history.GetOrCreate, slot
		}
		return kinds[(u+k)%len(kinds)], slot
	})
}
