package manager

import "maps"

// CopyTo makes *dst a copy of s that shares nothing mutable with it. It uses the memory of dst's messages where there is enough, so
// nothing else may use that.
func (s *Session) CopyTo(dst *Session) {
	r := s.ring
	if n := ringCap(s.Seq); n > 0 && n == ringCap(dst.Seq) {
		r = dst.ring
		copy(r.slots(dst.Seq), s.ring.slots(s.Seq))
	} else {
		r = r.clone(s.Seq)
	}
	*dst = *s
	dst.ring, dst.Fields = r, maps.Clone(s.Fields)
}
