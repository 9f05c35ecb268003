package access

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/requestid"
)

// details are what a line has of a request only if its fields were chosen: of an
// exchange with a handler what its [message.Account] has, of a hit the site and the
// age. In a record they stand behind the request and its trace, and are not there
// at all if no field needs them.
//
//	0  bytes of the request's content  8
//	8  age, see Age                    4
//	12 time to the upstream's head, ns 8
//	20 time to its end, ns             8
//
// and behind that the texts: the name in SNI, the site, the request's ID, the
// upstream.
type details struct {
	in                      int64
	age                     Age
	head, total             time.Duration
	sni, site, id, upstream text
}

const (
	detailsHead = 28

	maxSite     = 255
	maxUpstream = 255

	// maxDetails is the longest encoded details.
	maxDetails = detailsHead + 4*2 + maxHost + maxSite + requestid.Most + maxUpstream
)

// Age is what the age field of an answer says, in seconds, and one more: 0 means
// that the answer has none.
type Age uint32

// AgeOf is the age of an answer with r that is sent now.
func AgeOf(r *message.Response, now time.Time) Age {
	if !r.Aged() {
		return 0
	}
	return Age(min(r.Age(now.Unix()), math.MaxUint32-1) + 1)
}

// appendDetails appends what is known of an exchange.
func appendDetails(dst []byte, a *Answer, s *Secure) []byte {
	noted := a.Account.Noted()
	if noted.Site == "" && a.Site != nil {
		noted.Site = a.Site.String()
	}
	dst = binary.LittleEndian.AppendUint64(dst, uint64(a.BytesIn))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(a.Age))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(noted.Head))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(noted.Total))
	dst = appendText(dst, s.Name, maxHost)
	dst = appendText(dst, noted.Site, maxSite)
	dst = appendText(dst, noted.ID, requestid.Most)
	return appendText(dst, noted.Upstream, maxUpstream)
}

// takeDetails decodes what appendDetails has appended.
func takeDetails(b []byte) (d details) {
	d.in = int64(binary.LittleEndian.Uint64(b))
	d.age = Age(binary.LittleEndian.Uint32(b[8:]))
	d.head = time.Duration(binary.LittleEndian.Uint64(b[12:]))
	d.total = time.Duration(binary.LittleEndian.Uint64(b[20:]))
	b = b[detailsHead:]
	for _, t := range []*text{&d.sni, &d.site, &d.id, &d.upstream} {
		*t, b = takeText(b)
	}
	return d
}

// appendID appends the member with the request's ID: the one that the upstream got,
// else a trusted proxy's, else a new one, which this line alone has. That of a hit
// is therefore made here, by the writer.
func appendID(_ *formatter, dst []byte, r *record) []byte {
	const key = `,"request_id":"`
	switch {
	case len(r.id.b) > 0:
		return appendWord(dst, key, view(r.id.b))
	case len(r.given.b) > 0:
		return appendWord(dst, key, view(r.given.b))
	case r.given.cut: // it had one, which was not kept
		return dst
	}
	return append(requestid.Append(append(dst, key...)), '"')
}
