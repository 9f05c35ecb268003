package cache_test

import (
	"fmt"
	"time"

	"github.com/e0ac7cd4/hotpath/cache"
)

func Example() {
	type page struct{ body []byte }

	c, err := cache.New(cache.Config[*page]{
		Entries: 2,
		Bytes:   1 << 20,
		OnEvict: func(key string, _ *page, why cache.Reason) { fmt.Println(key, "left:", why) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	now := time.Now()
	for _, path := range []string{"/", "/a", "/b"} {
		p := &page{body: []byte("page " + path)}
		c.Set(path, p, int64(len(p.body)), now.Add(time.Minute))
	}
	if p, ok := c.Get("/b", now); ok {
		fmt.Printf("%s\n", p.body)
	}
	_, ok := c.Get("/b", now.Add(time.Minute))
	fmt.Println("fresh a minute later:", ok)

	s := c.Stats()
	fmt.Println(s.Hits, "hit,", s.Misses, "miss,", s.Entries, "entry left")

	// Output:
	// / left: capacity
	// page /b
	// /b left: expired
	// fresh a minute later: false
	// 1 hit, 1 miss, 1 entry left
}

// What is arriving is in memory before it is stored: it takes its room of the
// limit first, and brings it along.
func ExampleCache_SetReserved() {
	c, err := cache.New(cache.Config[[]byte]{Entries: 1024, Bytes: 1 << 20})
	if err != nil {
		fmt.Println(err)
		return
	}

	const length = 600 << 10 // of a Content-Length field
	if !c.Reserve(length) {
		fmt.Println("no memory for it")
		return
	}
	fmt.Println("another one fits:", c.Reserve(length))

	body := make([]byte, length) // filled as it arrives
	if !c.SetReserved("/a", body, length, time.Time{}, length) {
		c.Release(length)
	}
	s := c.Stats()
	fmt.Println(s.Entries, "entry,", s.Reserved, "bytes reserved")
	fmt.Println("another one evicts it:", c.Reserve(length), c.Len())

	// Output:
	// another one fits: false
	// 1 entry, 0 bytes reserved
	// another one evicts it: true 0
}

// An entry that is evicted may still be in use: its memory is counted on, and
// others leave for it.
func ExampleCache_ForceReserve() {
	inUse := map[string]int64{"/a": 400 << 10} // held by a client that reads slowly
	var c *cache.Cache[[]byte]
	onEvict := func(key string, body []byte, _ cache.Reason) {
		if size, ok := inUse[key]; ok {
			c.ForceReserve(size)
		}
		fmt.Println(key, "left,", len(body)>>10, "KiB")
	}
	c, err := cache.New(cache.Config[[]byte]{Entries: 1024, Bytes: 1 << 20, OnEvict: onEvict})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, key := range []string{"/a", "/b", "/c"} {
		c.Set(key, make([]byte, 400<<10), 400<<10, time.Time{})
		for evicted := true; evicted; {
			evicted, _ = c.Trim()
		}
	}
	s := c.Stats()
	fmt.Println(s.Entries, "entry,", s.Reserved>>10, "KiB in use elsewhere")

	c.Release(inUse["/a"]) // the client has it all
	fmt.Println("room for another:", c.Set("/d", make([]byte, 400<<10), 400<<10, time.Time{}), c.Len())

	// Output:
	// /a left, 400 KiB
	// /b left, 400 KiB
	// 1 entry, 400 KiB in use elsewhere
	// room for another: true 2
}
