package origin

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net/http"
	"time"
)

// resource is what a path names for one of its variants, in one of its versions.
type resource struct {
	id       uint64
	size     int64
	modified time.Time
}

// oldest is when resources that never change were changed.
var oldest = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

// resource is the one that a request is for.
func (r *Rule) resource(seed uint64, req *http.Request, now time.Time) resource {
	version, modified := int64(0), oldest
	if r.changes > 0 {
		version = now.UnixNano() / int64(r.changes)
		modified = time.Unix(0, version*int64(r.changes)).UTC()
	}
	h := fnv.New64a()
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:8], seed)
	_, _ = h.Write(b[:8]) // a hash takes everything
	_, _ = io.WriteString(h, req.URL.RequestURI())
	sized := h.Sum64() // of all variants and versions
	for _, name := range r.vary {
		for _, value := range req.Header.Values(name) {
			_, _ = io.WriteString(h, "\x00"+name+"\x00"+value)
		}
	}
	binary.LittleEndian.PutUint64(b[:8], uint64(version))
	_, _ = h.Write(b[:8])
	return resource{
		id:       h.Sum64(),
		size:     int64(r.size.draw(rand.New(rand.NewPCG(sized, seed)))),
		modified: modified,
	}
}

// tag is the resource's ETag; "": none.
func (c resource) tag(kind string) string {
	switch kind {
	case etagOff:
		return ""
	case etagWeak:
		return fmt.Sprintf(`W/"%016x"`, c.id)
	}
	return fmt.Sprintf(`"%016x"`, c.id)
}

// alphabet is what contents are made of: text that compresses by a half.
const alphabet = "0123456789abcdef"

// block is what contents repeat: its size is a prime, so that the pieces in which
// they are sent do not repeat with it.
var block = func() (b [65_521]byte) {
	r := rand.New(rand.NewPCG(1, 2))
	for i := range b {
		b[i] = alphabet[r.IntN(len(alphabet))]
	}
	return b
}()

// content is a resource's bytes. It implements io.ReadSeeker: nothing of them is
// kept.
type content struct {
	resource
	head [17]byte // says which it is: no two have the same
	at   int64
}

func newContent(c resource) *content {
	made := &content{resource: c}
	copy(made.head[:], fmt.Sprintf("%016x\n", c.id))
	return made
}

// Read implements io.Reader.
func (c *content) Read(p []byte) (n int, err error) {
	if c.at >= c.size {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), c.size-c.at)]
	for n < len(p) {
		from := block[(uint64(c.at)+c.id)%uint64(len(block)):]
		if c.at < int64(len(c.head)) {
			from = c.head[c.at:]
		}
		taken := copy(p[n:], from)
		n += taken
		c.at += int64(taken)
	}
	return n, nil
}

// Seek implements io.Seeker.
func (c *content) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += c.at
	case io.SeekEnd:
		offset += c.size
	}
	if offset < 0 {
		return 0, errors.New("seeking before the begin of a content")
	}
	c.at = offset
	return offset, nil
}
