package strategies

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"

	"github.com/sessbench/sessbench/manager"
)

// hashKeys are the keys of a hash of ids. They are random, so that no client can choose ids that fall into one shard or bucket.
type hashKeys [2]uint64

func newHashKeys() hashKeys { return hashKeys{rand.Uint64(), rand.Uint64()} }

// hash returns 32 bits. It multiplies the halves of an id and folds the product, as wyhash does (Wang Yi, 2019). Without the second
// multiplication, ids that are numbered would have hashes at equal distances, which with some keys fall into few buckets.
func (k *hashKeys) hash(high, low uint64) uint64 {
	hi, lo := bits.Mul64(high^k[0], low^k[1])
	x := hi ^ lo
	return (x ^ x>>32) * 0x9e3779b97f4a7c15 >> 32
}

// halves returns the two words of an id.
func halves(id *manager.ID) (high, low uint64) {
	return binary.LittleEndian.Uint64(id[:8]), binary.LittleEndian.Uint64(id[8:])
}
