package edge

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"io"

	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/site"
)

// methodQuery is safe and has content, which says what is asked for (RFC 10008).
const methodQuery = "QUERY"

// maxQuery is the largest content of a QUERY whose answer is stored, in bytes: it is
// held until the answer is there. A longer one is passed on as it comes.
const maxQuery = 64 << 10

// readQuery makes the content of a QUERY a part of its key (RFC 10008 §2.7), and of the
// exchange what can be sent more than once. It reports false if it cannot be: it is too
// long, has trailer fields, or there is no room. The exchange then is to be passed on.
// done gives back what it has taken from the ledger.
func (e *Edge) readQuery(x *message.Exchange, s *site.Site) (content []byte, done func(), ok bool) {
	done = func() {}
	room := x.Length
	if room < 0 {
		room = maxQuery
	}
	if x.Length > maxQuery || !x.Share.Hold(room) { // among its connection's requests in progress
		return nil, done, false
	}
	done = func() { x.Share.Give(room) }
	if x.Body != nil {
		var err error
		content, err = io.ReadAll(io.LimitReader(x.Body, maxQuery+1))
		rest := io.Reader(x.Body)
		if err != nil {
			rest = failing{err} // the origin is to see that it broke off
		}
		if err != nil || len(content) > maxQuery {
			x.Body = &replayed{io.MultiReader(bytes.NewReader(content), rest), x.Body}
			return nil, done, false
		}
		x.Body, x.Length = io.NopCloser(bytes.NewReader(content)), int64(len(content))
		if x.Trailers != nil && len(x.Trailers()) > 0 {
			return nil, done, false // they may say something that no key has
		}
	}
	x.Key, ok = queryKey(s, &x.Request, content)
	return content, done, ok
}

// queryKey is the key of a QUERY with content, false if its target is malformed.
func queryKey(s *site.Site, r *message.Request, content []byte) (key string, ok bool) {
	plain, ok := s.AppendKeyBy(nil, r, nil) // what is said of a query is said of GET
	if !ok {
		return "", false
	}
	hash := sha256.New()
	for _, f := range r.Fields {
		// What the content means.
		if f.Name == "content-type" || f.Name == "content-encoding" || f.Name == "content-language" || f.Name == "content-location" {
			hash.Write(binary.BigEndian.AppendUint32(nil, uint32(len(f.Value))))
			hash.Write([]byte(f.Name + f.Value))
		}
	}
	hash.Write(binary.BigEndian.AppendUint32(nil, noField))
	hash.Write(content)
	return string(hash.Sum(append(plain, site.QueryMark))), true
}

// noField is a length that no field has: the content follows.
const noField = 1<<32 - 1

// replayed is a content of which a part was read before.
type replayed struct {
	io.Reader
	io.Closer
}

// failing fails.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
