package redis

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strconv"
)

// record is the value of a session's key: a head of fixed width, which scripts address by position, and the encoded session.
//
//	incarnation version token token token token session
//
// Each part of the head is 16 hexadecimal digits. incarnation is the token of the operation that created the session: it
// identifies this lifetime among all under the same id. version is the number of writes in this incarnation. Together they identify the
// state: a write that compares both detects that a session was deleted and created again. The tokens are those of the latest
// writes, newest first: a write that arrives a second time is recognized by its token.
type record []byte

const (
	wordLen     = 16          // digits in each part of the head
	identityLen = 2 * wordLen // incarnation and version
	tokensKept  = 4
	headLen     = identityLen + tokensKept*wordLen
)

// newToken returns a random identifier of one operation. It is not secret, only unlikely to occur twice.
func newToken() string { return string(appendWord(make([]byte, 0, wordLen), rand.Uint64())) }

func appendWord(dst []byte, n uint64) []byte {
	return hex.AppendEncode(dst, []byte{
		byte(n >> 56), byte(n >> 48), byte(n >> 40), byte(n >> 32), byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n),
	})
}

// firstRecord returns the first record of the incarnation with this token.
func firstRecord(token string, session []byte) record {
	r := make(record, 0, headLen+len(session))
	r = append(r, token...)
	r = appendWord(r, 1)
	r = append(r, token...)
	for range tokensKept - 1 {
		r = appendWord(r, 0)
	}
	return append(r, session...)
}

// next returns the record that the write with this token puts in the place of r.
func (r record) next(token string, session []byte) (record, error) {
	version, err := strconv.ParseUint(string(r[wordLen:identityLen]), 16, 64)
	if err != nil {
		return nil, fmt.Errorf("version of a session: %w", err)
	}
	n := make(record, 0, headLen+len(session))
	n = append(n, r[:wordLen]...)
	n = appendWord(n, version+1)
	n = append(n, token...)
	n = append(n, r[identityLen:headLen-wordLen]...)
	return append(n, session...), nil
}

func (r record) identity() string { return string(r[:identityLen]) }
func (r record) session() []byte  { return r[headLen:] }

// parseRecord rejects values that no store of this package has written.
func parseRecord(key string, value []byte) (record, error) {
	if len(value) < headLen {
		return nil, fmt.Errorf("redis key %s: %d bytes: want a session of at least %d", key, len(value), headLen)
	}
	return record(value), nil
}
