package policy

import "container/list"

// object is what policies of lists keep of an object.
type object struct {
	id   uint64
	cost int64
	uses int
	main bool
}

// sieve is SIEVE (Zhang et al., NSDI 2024): a hand goes from the oldest to the
// newest, spares what was used since it came by, and evicts the first that was not.
type sieve struct {
	limit, used int64
	list        *list.List
	objects     map[uint64]*list.Element
	hand        *list.Element
}

func newSieve(limit int64) *sieve {
	return &sieve{limit: limit, list: list.New(), objects: make(map[uint64]*list.Element)}
}

func (c *sieve) Access(id uint64, cost int64) bool {
	if at, ok := c.objects[id]; ok {
		at.Value.(*object).uses = 1
		return true
	}
	if cost > c.limit {
		return false
	}
	for c.used+cost > c.limit {
		c.evict()
	}
	c.objects[id] = c.list.PushFront(&object{id: id, cost: cost})
	c.used += cost
	return false
}

func (c *sieve) evict() {
	for {
		if c.hand == nil {
			c.hand = c.list.Back()
		}
		at, o := c.hand, c.hand.Value.(*object)
		c.hand = at.Prev()
		if o.uses == 0 {
			c.list.Remove(at)
			delete(c.objects, o.id)
			c.used -= o.cost
			return
		}
		o.uses = 0
	}
}
