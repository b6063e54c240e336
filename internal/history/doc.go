// Package history decides whether recorded histories of sessions are linearizable, and explains the ones that are not.
//
// Each user records its operations with a [Recorder]: the call and return times and what the operation returned. [Merge]
// makes one [History] per session. Each is checked alone, which is enough, since linearizability is local (Herlihy and
// Wing, "Linearizability: A Correctness Condition for Concurrent Objects", TOPLAS 1990).
//
// If the operations returned versions, the version [Witness] decides in O(n log n). It proposes the only order that can be
// a linearization, and replays it. Otherwise, and for a sample as a cross-check, porcupine searches all orders (Wing and
// Gong, 1993; Lowe, 2017; https://github.com/anishathalye/porcupine). A search that runs out of time or memory is no
// verdict. If witness and porcupine disagree, neither is believed: the verdict is Inconclusive.
//
// A [Violation] holds a short history that still proves it: the shortest failing prefix, without the reads that delta
// debugging (Zeller and Hildebrandt, 2002) finds unnecessary.
//
// Functions do not change the histories that they are given, and may be called concurrently with different ones. Only the
// search of several histories starts goroutines; they end before it returns. [Read] is the only function that returns
// errors of its own.
package history
