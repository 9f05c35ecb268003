package missed

import "math"

// distinct estimates how many different hashes were added, by linear counting (Whang,
// Vander-Zanden and Taylor, 1990): within 5 % up to about 2,000, and "as many or more"
// beyond [maxDistinct].
type distinct struct {
	bits [distinctBits / 64]uint64
	ones int
}

const (
	distinctBits = 1024

	// maxDistinct is the estimate with half a dozen bits left.
	maxDistinct = 5000
)

func (d *distinct) add(hash uint64) {
	i := hash % distinctBits
	if bit := uint64(1) << (i % 64); d.bits[i/64]&bit == 0 {
		d.bits[i/64] |= bit
		d.ones++
	}
}

// join adds all that was added to o.
func (d *distinct) join(o *distinct) {
	for i := range d.bits {
		for rest := o.bits[i] &^ d.bits[i]; rest != 0; rest &= rest - 1 {
			d.ones++
		}
		d.bits[i] |= o.bits[i]
	}
}

func (d *distinct) count() int {
	if d.ones == distinctBits {
		return maxDistinct
	}
	n := -distinctBits * math.Log(1-float64(d.ones)/distinctBits)
	return min(int(math.Round(n)), maxDistinct)
}
