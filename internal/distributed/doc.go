// Package join has several processes, on several machines, share one run: they meet at a Redis server, open every window
// at the same instant, and leave their documents to whoever finishes last.
//
// The server's clock is the only one that is asked: nobody's wall clock has to be right. During a window a participant says
// once in a while that it is alive, and nothing else. One that falls silent is lost: the others wait for it no longer, and
// know its name.
//
// Everything is below one key prefix, sessbench:join:{RUN-ID}, and gone after [Retention]: a hash with the state, changed by
// scripts alone, and the finished parts, which whoever merges them deletes.
package distributed
