package trace

import "math/rand/v2"

// mix is a generated workload: a catalogue whose popularity is a Zipf law and
// whose objects are replaced in the course of time, beside objects that are
// requested once.
type mix struct {
	name     string
	about    string
	requests int
	objects  int     // in the catalogue at any time
	exponent float64 // of the Zipf law
	once     float64 // the share of requests for objects that are requested once
	churn    float64 // objects of the catalogue that are replaced, for each request
	sizes    sizes
}

var mixes = []mix{
	{"web", "a site's pages and pictures: Zipf 0.9 of 200,000 objects, 5 % of the requests for what is never asked for again",
		2_000_000, 200_000, 0.9, 0.05, 0, pages},
	{"cdn", "many sites: Zipf 0.8 of 200,000 objects, of which 1 is replaced in 100 requests, 25 % of the requests for what is never asked for again",
		2_000_000, 200_000, 0.8, 0.25, 0.01, pages},
	{"api", "small answers: Zipf 1.0 of 500,000 objects, of which 1 is replaced in 50 requests, 10 % of the requests for what is never asked for again",
		2_000_000, 500_000, 1.0, 0.10, 0.02, answers},
	{"news", "what is new is popular and soon old: Zipf 1.0 of 5,000 objects, of which 1 is replaced in 10 requests",
		2_000_000, 5_000, 1.0, 0.05, 0.1, pages},
}

// single is the first ID of objects that are requested once; those of the
// catalogue are below.
const single = 1 << 40

func (m mix) generate(seed uint64) Trace {
	random := rand.New(rand.NewPCG(seed, 1))
	popularity := newZipf(m.objects, m.exponent)
	catalogue := make([]uint64, m.objects) // by rank
	for i := range catalogue {
		catalogue[i] = uint64(i)
	}
	next, nextSingle := uint64(m.objects), uint64(single)
	due := 0.0
	all := make([]Request, m.requests)
	for i := range all {
		for due += m.churn; due >= 1; due-- {
			catalogue[random.IntN(m.objects)] = next
			next++
		}
		id := nextSingle
		if random.Float64() < m.once {
			nextSingle++
		} else {
			id = catalogue[popularity.draw(random)]
		}
		all[i] = Request{id, m.sizes.of(id)}
	}
	return Trace{m.name, m.about, all}
}

// Generated returns the traces of a seed.
func Generated(seed uint64) []Trace {
	var all []Trace
	for _, m := range mixes {
		all = append(all, m.generate(seed))
	}
	return all
}
