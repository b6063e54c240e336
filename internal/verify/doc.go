// Package verify proves a session store linearizable under pressure, or shows the shortest history that proves it wrong.
//
// Users record what they asked, when, and what they were told. Each session's history is then decided on its own,
// which is enough, since linearizability is local (Herlihy and Wing, 1990): by the version [Witness] where the
// operations were told versions, else by porcupine's search (https://github.com/anishathalye/porcupine).
package verify
