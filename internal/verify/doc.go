// Package verify runs a session store under concurrent load and records a history of each session, which package history
// then checks for linearizability.
package verify
