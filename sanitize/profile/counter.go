package profile

import (
	"math"
	"math/bits"
	"slices"
)

// counter counts distinct hashes: each of them while they are few, then by HyperLogLog (Flajolet and others, 2007) in 4,096 registers,
// which err by 1.04/sqrt(4096) = 1.6 %. Two counters under one key can be joined.
type counter struct {
	few   []uint64 // an open table of hashes, its size a power of two; nil once there are registers
	n     int      // in few
	ranks []uint8  // nil while there are few
}

const (
	fewest    = 16   // slots that a counter begins with
	most      = 512  // hashes that are kept one by one
	indexBits = 12   // of a hash choose its register
	registers = 4096 // 1 << indexBits
)

// add counts a hash.
func (c *counter) add(sum uint64) {
	if c.ranks != nil {
		c.rank(sum)
		return
	}
	if sum == 0 {
		sum = 1 // 0 is an empty slot
	}
	if c.few == nil {
		c.few = make([]uint64, fewest)
	}
	if !put(c.few, sum) {
		return
	}
	switch c.n++; {
	case c.n > most:
		c.ranks = make([]uint8, registers)
		for _, sum := range c.few {
			if sum != 0 {
				c.rank(sum)
			}
		}
		c.few = nil
	case 2*c.n > len(c.few):
		larger := make([]uint64, 2*len(c.few))
		for _, sum := range c.few {
			if sum != 0 {
				put(larger, sum)
			}
		}
		c.few = larger
	}
}

// put puts a hash into an open table, and tells whether it is new there.
func put(table []uint64, sum uint64) bool {
	mask := uint64(len(table) - 1)
	for i := sum & mask; ; i = (i + 1) & mask {
		switch table[i] {
		case sum:
			return false
		case 0:
			table[i] = sum
			return true
		}
	}
}

// rank takes a hash up into its register: the length of the run of noughts that its rest begins with, and one.
func (c *counter) rank(sum uint64) {
	rank := uint8(bits.LeadingZeros64(sum<<indexBits|1<<(indexBits-1)) + 1)
	if r := &c.ranks[sum>>(64-indexBits)]; rank > *r {
		*r = rank
	}
}

// join counts what another has counted.
func (c *counter) join(o *counter) {
	if o.ranks == nil {
		for _, sum := range o.few {
			if sum != 0 {
				c.add(sum)
			}
		}
		return
	}
	if c.ranks == nil {
		few := c.few
		c.few, c.ranks = nil, make([]uint8, registers)
		for _, sum := range few {
			if sum != 0 {
				c.rank(sum)
			}
		}
	}
	for i, rank := range o.ranks {
		c.ranks[i] = max(c.ranks[i], rank)
	}
}

func (c *counter) clone() *counter {
	return &counter{few: slices.Clone(c.few), n: c.n, ranks: slices.Clone(c.ranks)}
}

// count is how many there are, at most limit, and whether that is exact.
func (c *counter) count(limit int64) (n int64, exact bool) {
	if c.ranks == nil {
		return int64(c.n), true
	}
	sum, empty := 0.0, 0
	for _, rank := range c.ranks {
		sum += math.Ldexp(1, -int(rank))
		if rank == 0 {
			empty++
		}
	}
	const alpha = 0.7213 / (1 + 1.079/registers)
	estimate := alpha * registers * registers / sum
	if estimate <= 2.5*registers && empty > 0 {
		estimate = registers * math.Log(registers/float64(empty))
	}
	return min(int64(math.Round(estimate)), limit), false
}
