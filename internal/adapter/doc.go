// Package target drives programs in other languages. A program announces on its stdout where it listens, and then answers
// requests in newline-delimited JSON, one connection a user: docs/adapter-protocol.md is the specification. [Parse] reads
// what the command line says of one, [Start] gives a [scenarios.Target], [OfLists] makes one of message lists in this
// process, and [ServeNoop] is the other side: an adapter that keeps nothing, for measuring what the protocol costs.
package adapter
