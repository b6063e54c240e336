package manager

import "github.com/google/uuid"

// ID names a session: a UUID (RFC 9562) as its 16 bytes. The managers mint random ones (version 4), which nobody can guess;
// [IDFromString] derives one from a name.
type ID = uuid.UUID

// IDFromString returns the id that belongs to a name, such as a user's number or a conversation's key in another system:
// a UUID of version 5 (RFC 9562, section 5.5), the SHA-1 hash of the name's bytes in this package's own namespace,
// 04726bb4-0828-51bb-b601-97991a0faeac. That is itself version 5, of https://github.com/sessbench/sessbench in the
// standard's namespace for URLs, so that programs in other languages can derive the same ids.
//
// The same name gives the same id in every process, on every machine and in every release. Different names give different
// ids, but for a collision of 122 bits of SHA-1; names that only look alike, in another case or another Unicode
// normalization, are different. The empty name has an id, too.
//
// The id is no secret: it can be computed by anyone who knows the name. Where knowing an id is what grants access, as with
// a cookie, use an id that a manager minted.
func IDFromString(name string) ID {
	return version5(ID{0x04, 0x72, 0x6b, 0xb4, 0x08, 0x28, 0x51, 0xbb, 0xb6, 0x01, 0x97, 0x99, 0x1a, 0x0f, 0xae, 0xac}, name)
}

// version5 returns the UUID of version 5 of a name in a namespace.
func version5(namespace ID, name string) ID { return uuid.NewSHA1(namespace, []byte(name)) }
