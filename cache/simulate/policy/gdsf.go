package policy

import (
	"container/heap"
	"math"
)

// gdsf is GreedyDual-Size-Frequency (Cherkasova, HPL-98-69): the object with the
// lowest uses / size^exponent, beside its age, leaves.
type gdsf struct {
	limit, used int64
	exponent    float64
	age         float64 // the priority of the last that left
	objects     map[uint64]*ranked
	heap        ranks
}

type ranked struct {
	object
	priority float64
	at       int // in the heap
}

func newGDSF(limit int64, exponent float64) *gdsf {
	return &gdsf{limit: limit, exponent: exponent, objects: make(map[uint64]*ranked)}
}

func (c *gdsf) Access(id uint64, cost int64) bool {
	if r, ok := c.objects[id]; ok {
		c.use(r)
		heap.Fix(&c.heap, r.at)
		return true
	}
	if cost > c.limit {
		return false
	}
	for c.used+cost > c.limit {
		gone := heap.Pop(&c.heap).(*ranked)
		c.age = gone.priority
		delete(c.objects, gone.id)
		c.used -= gone.cost
	}
	r := &ranked{object: object{id: id, cost: cost}}
	c.use(r)
	heap.Push(&c.heap, r)
	c.objects[id] = r
	c.used += cost
	return false
}

func (c *gdsf) use(r *ranked) {
	r.uses++
	r.priority = c.age + float64(r.uses)/math.Pow(float64(r.cost), c.exponent)
}

// ranks is a heap, the lowest priority first.
type ranks []*ranked

func (h ranks) Len() int           { return len(h) }
func (h ranks) Less(i, j int) bool { return h[i].priority < h[j].priority }
func (h ranks) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].at, h[j].at = i, j
}

func (h *ranks) Push(x any) {
	r := x.(*ranked)
	r.at = len(*h)
	*h = append(*h, r)
}

func (h *ranks) Pop() any {
	last := len(*h) - 1
	r := (*h)[last]
	*h = (*h)[:last]
	return r
}
