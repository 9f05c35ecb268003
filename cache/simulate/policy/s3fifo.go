package policy

import "container/list"

// s3fifo is S3-FIFO (Yang et al., SOSP 2023) as published, in bytes: a small queue
// of a tenth, a main one, and as many ghosts as there are objects.
type s3fifo struct {
	limit, used, inSmall int64
	small, main          *list.List
	objects              map[uint64]*list.Element
	ghosts               map[uint64]int // when they left
	left                 int
}

func newS3FIFO(limit int64) *s3fifo {
	return &s3fifo{limit: limit, small: list.New(), main: list.New(),
		objects: make(map[uint64]*list.Element), ghosts: make(map[uint64]int)}
}

func (c *s3fifo) Access(id uint64, cost int64) bool {
	if at, ok := c.objects[id]; ok {
		o := at.Value.(*object)
		o.uses = min(o.uses+1, 3)
		return true
	}
	if cost > c.limit {
		return false
	}
	for c.used+cost > c.limit {
		c.evict()
	}
	o := &object{id: id, cost: cost}
	left, ok := c.ghosts[id]
	o.main = ok && c.left-left < len(c.objects)
	delete(c.ghosts, id)
	if o.main {
		c.objects[id] = c.main.PushFront(o)
	} else {
		c.objects[id] = c.small.PushFront(o)
		c.inSmall += cost
	}
	c.used += cost
	return false
}

func (c *s3fifo) evict() {
	if c.inSmall > c.limit/10 || c.main.Len() == 0 {
		o := c.small.Remove(c.small.Back()).(*object)
		c.inSmall -= o.cost
		if o.uses > 0 {
			o.uses, o.main = 0, true
			c.objects[o.id] = c.main.PushFront(o)
			return
		}
		c.gone(o)
		c.haunt(o.id)
		return
	}
	at := c.main.Back()
	o := at.Value.(*object)
	if o.uses > 0 {
		o.uses--
		c.main.MoveToFront(at)
		return
	}
	c.main.Remove(at)
	c.gone(o)
}

func (c *s3fifo) gone(o *object) {
	delete(c.objects, o.id)
	c.used -= o.cost
}

// haunt remembers an ID, and forgets those that are too old when they are many.
func (c *s3fifo) haunt(id uint64) {
	c.left++
	c.ghosts[id] = c.left
	if len(c.ghosts) > 4*len(c.objects)+100 {
		for id, left := range c.ghosts {
			if c.left-left >= len(c.objects) {
				delete(c.ghosts, id)
			}
		}
	}
}
