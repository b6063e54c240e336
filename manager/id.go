package manager

import "github.com/google/uuid"

// ID identifies a session: the 16 bytes of a UUID (RFC 9562). The managers generate random ones (version 4), which cannot be
// guessed; [IDFromString] derives one from a name.
type ID = uuid.UUID

// IDFromString returns the id derived from a name, such as a user's number or a conversation's key in another system:
// a UUID of version 5 (RFC 9562, section 5.5), the SHA-1 hash of the name's bytes in this package's namespace,
// 04726bb4-0828-51bb-b601-97991a0faeac. That is itself version 5, of https://github.com/sessbench/sessbench in the
// standard's namespace for URLs, so that programs in other languages can derive the same ids.
//
// The same name gives the same id in every process, on every machine and in every release. Different names give different
// ids, except for a collision of 122 bits of SHA-1; names that differ only in case or Unicode normalization are different. The
// empty name has an id too.
//
// The id is no secret: it can be computed from the name. Where knowledge of an id grants access, as with a cookie, use an id that
// a manager generated.
func IDFromString(name string) ID {
	return version5(ID{0x04, 0x72, 0x6b, 0xb4, 0x08, 0x28, 0x51, 0xbb, 0xb6, 0x01, 0x97, 0x99, 0x1a, 0x0f, 0xae, 0xac}, name)
}

// version5 returns the UUID of version 5 of a name in a namespace.
func version5(namespace ID, name string) ID { return uuid.NewSHA1(namespace, []byte(name)) }
