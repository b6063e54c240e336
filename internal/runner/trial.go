package runner

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/sessbench/sessbench/internal/goroutine"
	"github.com/sessbench/sessbench/internal/scratch"
	"github.com/sessbench/sessbench/internal/wait"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/scenarios/trace"
	"github.com/sessbench/sessbench/strategies"
)

// setup is the configuration of a trial.
type setup struct {
	scenario   *scenarios.Scenario // with the run's settings
	tape       *scenarios.Tape     // what users do; nil with traffic
	traffic    *trace.Tape         // recorded traffic instead of a tape
	speed      float64             // of the log's clock; 0: as fast as possible
	contents   *contents
	seed       uint64
	warmup     time.Duration
	window     time.Duration // 0: until every user's visits are done
	work       manager.Work  // what an update does under the lock on the processor; nil: nothing
	hold       time.Duration // how long it waits there instead
	patience   time.Duration // beyond the longest that the users of a right store can take
	spin       time.Duration // how long work on the processor takes alone; 0 for any other work
	record     int           // the histories of one session in so many are recorded; 0: of none
	room       int           // bytes for them
	timeSlices *TimeSlices   // with other processes; nil: this one has the machine to itself
	part       part          // this process's part of the trial

	onPreparing func(Preparing) // called while preparing sessions takes long; may be nil
}

// trial is one setup on one fresh store. What its users share they only read; the exceptions are sweep, which a sweeper
// writes twice a sweep, and the room for histories, of which users take a page at a time. made is written before the start.
type trial struct {
	setup
	audit       auditor
	unaudited   bool
	remote      bool // operations may fail because of the connection, which is not a violation
	byVersion   bool
	sweeps      bool
	reusesIDs   bool                  // sessions are created again under the id of a removed one
	started     bool                  // the barrier has been passed, or will not be
	unavailable atomic.Pointer[error] // why a target no longer responds
	abandoned   bool                  // a user is stuck inside the store
	stopped     atomic.Bool           // the run is aborted
	ctx         context.Context

	base        time.Time  // when the barrier opened: the trial's clock starts
	from, until int64      // the measured window on that clock
	pause       int64      // when users rest on that clock: at the window's end, or at the end of a time slice
	sliceGate   *sliceGate // nil: the whole trial is one time slice

	store        manager.SessionStore[manager.Session]
	target       scenarios.Target // in place of a store
	board        *manager.Brainstorming
	dirs         *scratch.Dir // the boards' directories; nil: none
	ids          []manager.ID
	hot          uint32 // the slot of the busiest session; noSlot: not known
	incarnations []uint64
	numbers      []uint32 // by slot among all users' slots: of the recorded session that is made there first; 0: not recorded
	users        []*user
	others       []userLedger // of other participants' users
	preloaders   []*user      // prepare the sessions
	preloader    *user        // the first of them, which also removes the sessions left at the end
	sweeper      *user        // sweeps while the users work

	clock      *wait.Clock  // ends holds and pauses; nil: there are none
	made       atomic.Int64 // sessions that the preloaders have created
	slicesOver atomic.Int64 // time slices that are over

	opened, closed reading // of what the process had spent at either end of a timed window

	_     [64]byte
	sweep atomic.Uint32 // odd during a sweep
	_     [64]byte
}

// noSlot is the number of no slot.
const noSlot = math.MaxUint32

// timed reports whether the trial has a window, and does not end with the users' visits.
func (tr *trial) timed() bool { return tr.window > 0 }

// runTrial opens a store and drives it through s. The trial's figures are complete when err is nil. What a store did wrong
// besides what the audit finds is a violation. A ctx that ends gives its error; nothing is left behind but what a store
// that hangs keeps.
func runTrial(ctx context.Context, subject Subject, s setup) (result.Trial, error) {
	tr, err := prepare(ctx, subject, s)
	if err != nil {
		return result.Trial{}, err
	}
	defer tr.removeBoards()
	if tr.waits() {
		if tr.clock, err = wait.Start(); err != nil {
			return result.Trial{}, tr.abort(err)
		}
		defer tr.clock.Stop()
		for _, u := range tr.users {
			u.waiter = tr.clock.NewWaiter()
		}
	}
	window, err := tr.drive()
	if err != nil {
		tr.publishFailure(err)
		return result.Trial{}, tr.abort(fmt.Errorf("%s: %s: %w", subject.Label, s.scenario.Name, err))
	}
	measured, err := tr.measure(window)
	if err != nil {
		tr.publishFailure(err)
		return result.Trial{}, tr.abort(err)
	}
	if err := tr.finish(); err != nil {
		return result.Trial{}, tr.abort(err)
	}
	measured.Audit = tr.audit.found
	if s.spin > 0 && measured.HoldNs > 0 && tr.target == nil {
		measured.HoldNs = int64(s.spin)
	}
	if subject.Strategy.WaitsOnChannels || tr.target != nil {
		measured.MutexWaitNs = nil
	}
	return measured, nil
}

// prepare does everything up to the barrier: a fresh store, users, sessions, garbage collection.
func prepare(ctx context.Context, subject Subject, s setup) (*trial, error) {
	tr := &trial{setup: s, ctx: ctx, target: subject.Target, unaudited: subject.Strategy.Harness}
	tr.remote = subject.Strategy.Remote || tr.target != nil
	tr.byVersion = s.scenario.ByVersion()
	tr.sweeps = s.scenario.Sweeps()
	tr.reusesIDs = s.scenario.Driver == scenarios.StoreDriver
	tr.hot = noSlot
	if s.tape != nil && s.tape.Busiest > 0 && !s.scenario.OwnSessions {
		tr.hot = s.tape.Hot
	}
	tr.audit = auditor{
		contents: s.contents, users: s.scenario.Users + 1, byVersion: tr.byVersion,
		found: result.Audit{OK: true, Skipped: tr.unaudited},
	}
	if !tr.part.first() {
		ids, err := tr.part.awaitStart(ctx)
		if err != nil {
			return nil, err
		}
		tr.ids = ids
	}
	if err := tr.open(subject); err != nil {
		return nil, tr.failStart(fmt.Errorf("%s: %w", subject.Label, err))
	}
	err := tr.prepareSessions()
	if err != nil {
		err = tr.failStart(tr.abort(err))
		tr.removeBoards()
		return nil, err
	}
	if tr.part.first() {
		if err := tr.part.publishStart(ctx, startMessage{IDs: tr.ids}); err != nil {
			err = tr.abort(err)
			tr.removeBoards()
			return nil, err
		}
	}
	runtime.GC()
	return tr, nil
}

// open makes a fresh store, or empties the target.
func (tr *trial) open(subject Subject) (err error) {
	if tr.target == nil {
		tr.store, err = subject.Strategy.Open(subject.Params)
		return err
	}
	tr.audit.lax, tr.audit.sweeps = true, tr.sweeps
	if !tr.part.first() {
		return nil
	}
	return tr.guardTarget("reset", tr.target.Reset)
}

// prepareSessions makes the users and the initial sessions.
func (tr *trial) prepareSessions() error {
	if tr.scenario.Driver == scenarios.BoardDriver && tr.target == nil {
		if err := tr.openBoards(); err != nil {
			return err
		}
	}
	tr.makeUsers()
	if tr.target != nil {
		if err := tr.guardTarget("connecting the users", tr.connect); err != nil {
			return err
		}
	}
	return tr.withProgress(func() error {
		return guarded(tr.ctx, tr.watch(), "preparing sessions", tr.prefill)
	})
}

// waits reports whether users pause, or hold sessions without using the processor.
func (tr *trial) waits() bool {
	s := tr.scenario
	return tr.hold > 0 && tr.target == nil || s.Think > 0 || tr.traffic != nil && tr.speed > 0
}

// abort closes the store after err, unless the store hangs: then it is abandoned.
func (tr *trial) abort(err error) error {
	tr.abandoned = stuck(err)
	if !tr.abandoned {
		w := tr.watch()
		w.patience = grace / goroutine.UndecidedAfter
		_ = guarded(context.Background(), w, "close", tr.close)
	}
	return err
}

// close closes the store, or the users' connections to the target.
func (tr *trial) close() error {
	if tr.target != nil {
		return tr.disconnect()
	}
	return tr.store.Close()
}

// boardsPrefix begins the names of the boards' directories.
const boardsPrefix = "sessbench-boards-"

func (tr *trial) openBoards() (err error) {
	if tr.dirs, err = scratch.Make(boardsPrefix); err != nil {
		return err
	}
	tr.board, err = manager.NewBrainstorming(tr.store, tr.dirs.Path())
	return err
}

// removeBoards removes what openBoards made. A store that kept sessions has kept their directories, too.
func (tr *trial) removeBoards() {
	if tr.board != nil && !tr.abandoned {
		_ = tr.board.Close() // fails because the store is closed
	}
	if tr.dirs != nil {
		_ = tr.dirs.Remove() // the next process tries again
	}
}

// makeUsers makes the users, the preloaders and the sweeper, and the table of sessions.
func (tr *trial) makeUsers() {
	s := tr.scenario
	slots, per := s.Slots(), s.SlotsPerUser()
	switch {
	case s.OwnSessions:
	case tr.part.first():
		tr.ids, tr.incarnations = make([]manager.ID, slots), make([]uint64, slots)
	default:
		tr.incarnations = make([]uint64, slots)
		for slot, id := range tr.ids {
			tr.incarnations[slot] = manager.IncarnationOf(id)
		}
	}
	// Every user may come to every slot that it may use; beyond 64 MiB in all the ledgers start small and grow.
	touched := min(per, 64<<20/64/s.Users)
	lo, hi := tr.part.users(s.Users)
	for i := lo; i < hi; i++ {
		u := tr.newUser(i, touched, true)
		if s.OwnSessions {
			// At least a cache line each, so that users do not share the lines they write.
			u.ids, u.incarnations = make([]manager.ID, per, max(per, 8)), make([]uint64, per, max(per, 16))
			u.first = uint32(i * per)
		}
		if tr.traffic != nil {
			// With fewer users than shares each takes every n-th.
			for share := i; share < tr.traffic.Users(); share += s.Users {
				u.shares = append(u.shares, tr.traffic.User(share))
			}
		}
		tr.users = append(tr.users, u)
	}
	n := tr.numPreloaders()
	for range n {
		tr.preloaders = append(tr.preloaders, tr.newUser(s.Users, (slots+n-1)/n, false))
	}
	tr.preloader = tr.preloaders[0]
	tr.sweeper = tr.newUser(s.Users+1, 0, false)
	if tr.record > 0 && !tr.unaudited {
		tr.openRecordings()
	}
}

// numPreloaders returns the number of preloaders: several where each response takes a network round trip. They share one user number.
func (tr *trial) numPreloaders() int {
	const far = 16
	if tr.remote && tr.record == 0 && !tr.scenario.StartsEmpty && (tr.scenario.OwnSessions || tr.part.first()) {
		return far
	}
	return 1
}

// newUser makes user number i. If works is set, its updates hold their sessions as long as the scenario requires.
func (tr *trial) newUser(i, slots int, works bool) *user {
	u := &user{
		trial: tr, number: i, ids: tr.ids, incarnations: tr.incarnations, ledger: newLedger(slots),
		texts:   texts{contents: tr.contents, first: uint32(i) * wordsPerUser},
		request: scenarios.Request{Fields: map[string]string{}},
		effect:  scenarios.Effect{Messages: make([]manager.Message, 0, manager.HistoryLimit)},
		scratch: make([]manager.Message, 0, manager.HistoryLimit),
	}
	for _, op := range tr.scenario.Ops() {
		u.ops[op].latency = newRecorder() // made now and not in the window
	}
	if works && tr.hold > 0 {
		u.holds.times = newRecorder()
	}
	if tr.scenario.Think > 0 {
		u.pauses.times = newRecorder()
	}
	if tr.target != nil { // connect sets the driver
		return u
	}
	var work manager.Work
	if works && (tr.work != nil || tr.hold > 0) {
		work = u.work
	}
	store := tr.store
	if per, ok := store.(strategies.PerUser[manager.Session]); ok {
		store = per.User()
	}
	opts := []manager.Option{manager.WithWork(work), manager.WithTTL(tr.scenario.TTL), manager.OnRemove(u.removed)}
	switch tr.scenario.Driver {
	case scenarios.ChatDriver:
		u.driver = &chatDriver{chat: manager.NewChatbot(store, opts...).User()}
	case scenarios.BoardDriver:
		u.driver = boardDriver{tr.board.Over(store, opts...)}
	default:
		u.driver = newStoreDriver(store, i, work, u.removed)
	}
	return u
}

// prefill has the preloaders create the initial sessions.
func (tr *trial) prefill() error {
	s := tr.scenario
	switch {
	case s.OwnSessions && !s.StartsEmpty:
	case !tr.part.first(): // they are there
		return nil
	case s.StartsEmpty:
		return newIDs(tr.ids)
	}
	return forEach(len(tr.preloaders), func(i int) error { return tr.prefillBy(tr.preloaders[i], i) })
}

// forEach runs do(0..n-1) concurrently and returns the first error. A panic is propagated to the caller.
func forEach(n int, do func(i int) error) error {
	var (
		doing    sync.WaitGroup
		failed   = make([]error, n)
		panicked = make([]any, n)
	)
	for i := range n {
		doing.Go(func() {
			defer func() { panicked[i] = recover() }()
			failed[i] = do(i)
		})
	}
	doing.Wait()
	for i, err := range failed {
		if panicked[i] != nil {
			panic(panicked[i])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// prefillBy has the i-th preloader do its share: every n-th slot of shared sessions, otherwise every n-th user.
func (tr *trial) prefillBy(k *user, i int) error {
	n := len(tr.preloaders)
	if !tr.scenario.OwnSessions {
		return k.fill(tr.ids, tr.incarnations, 0, i, n)
	}
	for at := i; at < len(tr.users); at += n {
		u := tr.users[at]
		if err := k.fill(u.ids, u.incarnations, u.first, 0, 1); err != nil {
			return err
		}
	}
	return nil
}

// fill makes sessions in some of the slots, each with the scenario's messages.
func (u *user) fill(ids []manager.ID, incarnations []uint64, first uint32, from, step int) error {
	u.ids, u.incarnations, u.first = ids, incarnations, first
	if u.trial.numbers != nil {
		u.numbers = u.trial.numbers[first:]
	}
	for slot := from; slot < len(ids); slot += step {
		if slot%1024 < step && u.trial.ctx.Err() != nil {
			return context.Cause(u.trial.ctx)
		}
		if err := u.prepare(scenarios.Create, uint32(slot)); err != nil {
			return err
		}
		for range u.trial.scenario.Prefill {
			if err := u.prepare(scenarios.Append, uint32(slot)); err != nil {
				return err
			}
		}
		u.trial.made.Add(1)
	}
	return nil
}

// newIDs makes ids for sessions that the users create.
func newIDs(ids []manager.ID) (err error) {
	for i := range ids {
		if ids[i], err = uuid.NewRandom(); err != nil {
			return err
		}
	}
	return nil
}

// allUsers returns the users in the order of their numbers, the preloaders and the sweeper last.
func (tr *trial) allUsers() []*user {
	return append(slices.Concat(tr.users, tr.preloaders), tr.sweeper)
}
