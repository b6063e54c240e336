package ideal

// event is the end of a time that a visit spends, or an arrival.
type event struct {
	at       int64  // nanoseconds
	sequence uint64 // events at one time happen in the order in which they were made
	visit    int32  // index of the visit, or arrival
}

// arrival is in place of the index of a visit.
const arrival = int32(-1)

func (e event) before(f event) bool { return e.at < f.at || e.at == f.at && e.sequence < f.sequence }

// events is a heap of events, the earliest first. The standard library's heap allocates for each event.
type events []event

func (h *events) push(e event) {
	*h = append(*h, e)
	list := *h
	for i := len(list) - 1; i > 0; {
		parent := (i - 1) / 2
		if !list[i].before(list[parent]) {
			break
		}
		list[i], list[parent] = list[parent], list[i]
		i = parent
	}
}

func (h *events) pop() event {
	list := *h
	first, last := list[0], len(list)-1
	list[0] = list[last]
	list = list[:last]
	*h = list
	for i := 0; ; {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < last; child++ {
			if list[child].before(list[least]) {
				least = child
			}
		}
		if least == i {
			return first
		}
		list[i], list[least] = list[least], list[i]
		i = least
	}
}

// queue is a first-in, first-out queue.
type queue[T any] struct {
	items []T
	first int
}

func (q *queue[T]) len() int { return len(q.items) - q.first }

func (q *queue[T]) push(x T) { q.items = append(q.items, x) }

func (q *queue[T]) pop() T {
	x := q.items[q.first]
	if q.first++; q.first > len(q.items)/2 {
		q.items = q.items[:copy(q.items, q.items[q.first:])]
		q.first = 0
	}
	return x
}

// resource is a number of equal units, which are granted in the order of the requests.
type resource struct {
	free    int
	waiting queue[int32] // visits
}

// acquire reports whether the visit has a unit at once; otherwise it gets one later.
func (r *resource) acquire(visit int32) bool {
	if r.free > 0 {
		r.free--
		return true
	}
	r.waiting.push(visit)
	return false
}

// release returns a unit. ok reports whether it goes to a visit that waited for it.
func (r *resource) release() (visit int32, ok bool) {
	if r.waiting.len() == 0 {
		r.free++
		return 0, false
	}
	return r.waiting.pop(), true
}
