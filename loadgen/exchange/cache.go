package exchange

import "strconv"

// CacheState is what a cache says that it did, in the last member of Cache-Status
// (RFC 9211 §2): of the cache nearest to the client, which is the one that is
// tested.
type CacheState uint8

// The states: why a request was forwarded has its own (RFC 9211 §2.2).
const (
	CacheUnsaid    CacheState = iota // no Cache-Status, or one without hit and fwd
	CacheHit                         // hit
	CacheBypass                      // fwd=bypass: it was configured not to handle it
	CacheMethod                      // fwd=method
	CacheURIMiss                     // fwd=uri-miss: nothing is stored for the URL
	CacheVaryMiss                    // fwd=vary-miss: nothing that fits the request's fields
	CacheMiss                        // fwd=miss: either of the two
	CacheRequest                     // fwd=request: the request's directives
	CacheStale                       // fwd=stale
	CachePartial                     // fwd=partial: not all ranges are stored
	CacheForwarded                   // fwd of another value
	CacheStates
)

var cacheNames = [CacheStates]string{"unsaid", "hit", "bypass", "method", "uri-miss", "vary-miss", "miss", "request", "stale", "partial", "other"}

// CacheNames are the names of all states: of the reasons, those of RFC 9211.
func CacheNames() []string { return cacheNames[:] }

// CacheNote is what a response says of caches.
type CacheNote struct {
	State     CacheState
	Collapsed bool   // it was forwarded together with others (RFC 9211 §2.6)
	HasAge    bool   // there is an Age
	Age       uint32 // in s (RFC 9111 §5.1)
}

// Tells reports whether a response of that status has the ETag of what its URL
// names (RFC 9110 §8.8.3, §15.4.5).
func Tells(status int) bool { return status == 200 || status == 304 }

// maxAge is the highest Age: RFC 9111 §1.2.2 has 2³¹ for all above.
const maxAge = 1 << 31

// SetAge takes the value of a field Age. What is no number is none.
func (c *CacheNote) SetAge(value []byte) {
	n := uint64(0)
	for _, d := range value {
		if d < '0' || d > '9' {
			return
		}
		n = min(n*10+uint64(d-'0'), maxAge)
	}
	if len(value) > 0 {
		c.Age, c.HasAge = uint32(n), true
	}
}

// SetStatus takes the value of a field Cache-Status. If there are several, the
// last is that of the nearest cache. It reads what a list of items with
// parameters (RFC 9651 §3.1) may be, and passes over what it is not.
func (c *CacheNote) SetStatus(value []byte) {
	for len(value) > 0 {
		end := until(value, ',')
		member := value[:end]
		value = value[min(end+1, len(value)):]
		c.State, c.Collapsed = CacheUnsaid, false
		for at := until(member, ';'); at < len(member); {
			member = member[at+1:]
			at = until(member, ';')
			c.setParameter(trim(member[:at]))
		}
	}
}

// setParameter takes a parameter of the member: "hit", "fwd=miss".
func (c *CacheNote) setParameter(p []byte) {
	name, argument := p, []byte(nil)
	if at := until(p, '='); at < len(p) {
		name, argument = p[:at], p[at+1:]
	}
	switch {
	case string(argument) == "?0": // a boolean that is false (RFC 9651 §3.3.6)
	case string(name) == "hit":
		c.State = CacheHit
	case string(name) == "collapsed":
		c.Collapsed = true
	case string(name) == "fwd":
		c.State = CacheForwarded
		for s := CacheBypass; s < CacheForwarded; s++ {
			if string(argument) == cacheNames[s] {
				c.State = s
			}
		}
	}
}

// until is where b has the byte outside of quotes; len(b) if it has none.
func until(b []byte, stop byte) int {
	quoted := false
	for i := 0; i < len(b); i++ {
		switch {
		case quoted && b[i] == '\\':
			i++
		case b[i] == '"':
			quoted = !quoted
		case b[i] == stop && !quoted:
			return i
		}
	}
	return len(b)
}

func trim(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

func (s CacheState) String() string {
	if s < CacheStates {
		return cacheNames[s]
	}
	return strconv.Itoa(int(s))
}
