package trace

import (
	"math"
	"math/rand/v2"
)

// sizes is a distribution of the sizes of objects: a lognormal body with a
// Pareto tail, cut off at most.
type sizes struct {
	median float64 // of the body, bytes
	sigma  float64 // of the body's logarithm
	tail   float64 // the share of objects that are in the tail
	least  float64 // of the tail, bytes
	alpha  float64 // of the tail
	most   float64 // bytes
}

// pages are the sizes of files on web servers (Barford, Crovella: Generating
// Representative Web Workloads, SIGMETRICS 1998: mu 9.357, sigma 1.318, 7 % in a
// tail from 133 KB with alpha 1.1), cut off at the default of max-stored.
var pages = sizes{median: 11580, sigma: 1.318, tail: 0.07, least: 133e3, alpha: 1.1, most: 8 << 20}

// answers are the sizes of an API's answers: small, without a tail.
var answers = sizes{median: 2000, sigma: 1, most: 1 << 20}

// of returns the size of the object with an ID: the same whenever it is asked,
// and independent of its popularity.
func (s sizes) of(id uint64) int64 {
	random := rand.New(rand.NewPCG(id, 0x5eed))
	size := s.median * math.Exp(s.sigma*random.NormFloat64())
	if random.Float64() < s.tail {
		size = s.least * math.Pow(1-random.Float64(), -1/s.alpha)
	}
	return int64(max(1, min(size, s.most)))
}
