package pattern

import (
	"errors"
	"math"
	"math/bits"
	"strconv"
)

// Popularity is how often each key is asked for. Its zero value is that they take
// turns.
type Popularity struct {
	Kind     kind
	Exponent float64 // of zipf: key k comes as often as 1/(k+1)^Exponent
}

type kind string

const (
	uniform kind = "uniform"
	zipf    kind = "zipf"
)

// maxExponent is beyond what is found in the world, 0.6 to 1.3: from there on a few
// keys have all requests.
const maxExponent = 10

var errPopularity = errors.New("a popularity is uniform, or zipf with an exponent from 0 to 10: zipf:1.1")

func (p Popularity) check() error {
	switch {
	case p == Popularity{}, p == Popularity{Kind: uniform}:
		return nil
	case p.Kind == zipf && p.Exponent >= 0 && p.Exponent <= maxExponent:
		return nil
	}
	return errPopularity
}

// or is p, or kind if keys take turns.
func (p Popularity) or(k kind) Popularity {
	if p == (Popularity{}) {
		return Popularity{Kind: k}
	}
	return p
}

func (p Popularity) String() string {
	if p.Kind == zipf {
		return string(p.Kind) + ":" + strconv.FormatFloat(p.Exponent, 'g', -1, 64)
	}
	return string(p.Kind)
}

// alias draws from any distribution over keys in constant time, with one number:
// Vose's form of Walker's alias method (M. D. Vose, 1991). Each slot is as likely
// as the others and has at most two keys: its own, with a probability, and
// another one. rand.Zipf, which math/rand/v2 has, needs exponents above 1, and a
// number of tries.
type alias struct {
	own   []uint64 // probability of a slot's own key, in 2⁻⁶⁴
	other []uint32
}

// newZipf makes that of n keys, of which key k has the weight 1/(k+1)^s.
func newZipf(n int, s float64) *alias {
	weights := make([]float64, n)
	sum := 0.0
	for k := n - 1; k >= 0; k-- { // the small ones first: nothing of them is lost
		weights[k] = math.Pow(float64(k+1), -s)
		sum += weights[k]
	}
	a := &alias{own: make([]uint64, n), other: make([]uint32, n)}
	var small, large []uint32 // slots that have too little for one slot, and too much
	for k := range weights {
		if weights[k] *= float64(n) / sum; weights[k] < 1 {
			small = append(small, uint32(k))
		} else {
			large = append(large, uint32(k))
		}
	}
	for len(small) > 0 && len(large) > 0 {
		less, more := small[len(small)-1], large[len(large)-1]
		small = small[:len(small)-1]
		a.own[less], a.other[less] = uint64(weights[less]*(1<<63)*2), more
		if weights[more] -= 1 - weights[less]; weights[more] < 1 {
			large = large[:len(large)-1]
			small = append(small, more)
		}
	}
	for _, rest := range [][]uint32{small, large} { // 1, but for rounding errors
		for _, k := range rest {
			a.own[k], a.other[k] = math.MaxUint64, k
		}
	}
	return a
}

// draw is the key for a number that is uniform over all of 64 bits.
func (a *alias) draw(u uint64) int {
	slot, rest := bits.Mul64(u, uint64(len(a.own)))
	if rest < a.own[slot] {
		return int(slot)
	}
	return int(a.other[slot])
}

// below is a number from 0 up to n, for one that is uniform over all of 64 bits.
func below(u uint64, n int) int {
	hi, _ := bits.Mul64(u, uint64(n))
	return int(hi)
}

// unit is a number from 0 up to 1.
func unit(u uint64) float64 { return float64(u>>11) / (1 << 53) }

// golden is 2⁶⁴ by the golden ratio, the step of SplitMix64.
const golden = 0x9e3779b97f4a7c15

// mix is SplitMix64's output function (G. L. Steele et al., 2014): numbers that are
// steps of golden apart become independent.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
