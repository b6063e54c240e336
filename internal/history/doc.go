// Package history checks recorded histories of sessions for linearizability, and explains the ones that are not.
//
// Users record each operation with its call and return times and what it returned (see [Recorder]). Each session's
// history is then checked alone, which is enough, since linearizability is local (Herlihy and Wing, 1990): by the version
// [Witness] where the operations returned versions, else by porcupine's search (https://github.com/anishathalye/porcupine).
package history
