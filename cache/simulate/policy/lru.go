package policy

import (
	"math"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// lru evicts what was used least recently.
type lru struct {
	limit, used int64
	list        *simplelru.LRU[uint64, int64] // costs
}

func newLRU(limit int64) *lru {
	list, err := simplelru.NewLRU[uint64, int64](math.MaxInt, nil)
	if err != nil {
		panic(err) // a size of 1 or more is no error
	}
	return &lru{limit: limit, list: list}
}

func (c *lru) Access(id uint64, cost int64) bool {
	if _, ok := c.list.Get(id); ok {
		return true
	}
	if cost > c.limit {
		return false
	}
	for c.used+cost > c.limit {
		_, gone, _ := c.list.RemoveOldest()
		c.used -= gone
	}
	c.list.Add(id, cost)
	c.used += cost
	return false
}
