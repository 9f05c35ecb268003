package trace

import (
	"math"
	"math/rand/v2"
	"slices"
)

// zipf draws ranks from 0 whose probability is proportional to 1/(rank+1)^s.
// Unlike rand.Zipf it allows exponents up to 1, which are those of the web
// (Breslau et al., Web Caching and Zipf-like Distributions, INFOCOM 1999: 0.64
// to 0.83 at proxies; above 1 further from the clients).
type zipf struct {
	below []float64 // the sum of the weights up to a rank, that included
}

func newZipf(n int, s float64) zipf {
	below := make([]float64, n)
	sum := 0.0
	for i := range below {
		sum += math.Pow(float64(i+1), -s)
		below[i] = sum
	}
	return zipf{below}
}

func (z zipf) draw(random *rand.Rand) int {
	at := random.Float64() * z.below[len(z.below)-1]
	rank, _ := slices.BinarySearch(z.below, at)
	return min(rank, len(z.below)-1)
}
