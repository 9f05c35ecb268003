package access

import (
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"
	"unsafe"

	"github.com/e0ac7cd4/hotpath/internal/rfc9111"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/requestid"
	"github.com/e0ac7cd4/hotpath/server/traces"
)

// Protocol is the version of HTTP that carried a request.
type Protocol uint8

const (
	HTTP11 Protocol = iota
	HTTP10
	HTTP2
	HTTP3
)

var protocolNames = [...]string{HTTP11: "HTTP/1.1", HTTP10: "HTTP/1.0", HTTP2: "HTTP/2.0", HTTP3: "HTTP/3.0"}

// Answer is what came of a request.
type Answer struct {
	Began    time.Time           // when the request's head was read
	Duration time.Duration       // until its end was handed over; 0: that of the turn, see [Tap.Flush]
	Status   int                 // 0: no head was sent
	Bytes    int64               // of the body, as far as it was sent
	Result   metrics.CacheResult // how the cache took part
	Reason   rfc9111.Reason      // and why; None of a hit
	Aborted  bool                // broken off before its end, by either side
	Limited  bool                // beyond the client's limit; refused if Status is 429

	// Trace is the request's if it has a handler, see [Tap.Trace], and Handled
	// whether it has one.
	Trace   *traces.Request
	Handled bool

	// What some fields are about: Site is the site of a hit, nil if it is not
	// known; BytesIn the size of the request's content, as far as it came; and
	// Account what those who answered have noted, see [Tap.Account].
	Site    fmt.Stringer
	BytesIn int64
	Age     Age
	Account *message.Account
}

// fault reports whether the answer is one that the mode Errors logs.
func (a *Answer) fault() bool { return a.Status >= errorStatus || a.Aborted }

const errorStatus = 400

// A request is encoded as the client's address in 16 octets and seven texts, each
// behind its length in two octets, of which the top bit marks a text that was
// cut. The longest that are whole: real ones are shorter by far, and a client
// that sends others must not fill the log.
const (
	maxMethod  = 32
	maxHost    = 255
	maxPath    = 2048
	maxReferer = 1024
	maxAgent   = 512
	maxParent  = 128 // of a traceparent

	cutMark = 1 << 15

	addrSize = 16

	// MaxRequest is the longest encoded request.
	MaxRequest = addrSize + 7*2 + maxMethod + maxHost + maxPath + maxReferer + maxAgent + maxParent + requestid.Most
)

// AppendRequest appends what the log has of a request to dst, some 4 KiB at most,
// in the form that [Tap.Hit] and [Tap.End] take. It borrows nothing.
func AppendRequest(dst []byte, r *message.Request) []byte {
	var referer, agent, parent string
	for i := range r.Fields {
		switch f := &r.Fields[i]; f.Name {
		case "referer":
			referer = f.Value
		case "user-agent":
			agent = f.Value
		case traces.Traceparent:
			if parent != "" { // with two there is no telling which is right
				parent = "-"
				continue
			}
			parent = f.Value
		}
	}
	client := r.Client.As16() // all zero: unknown
	dst = append(dst, client[:]...)
	dst = appendText(dst, r.Method, maxMethod)
	dst = appendText(dst, r.Authority, maxHost)
	dst = appendText(dst, r.Path, maxPath)
	dst = appendText(dst, referer, maxReferer)
	dst = appendText(dst, agent, maxAgent)
	dst = appendText(dst, parent, maxParent)
	given := ""
	if r.Trusted {
		given = requestid.Given(r.Fields)
	}
	return appendText(dst, given, requestid.Most)
}

func appendText(dst []byte, s string, most int) []byte {
	mark := 0
	if len(s) > most {
		s, mark = s[:most], cutMark
	}
	return append(binary.LittleEndian.AppendUint16(dst, uint16(len(s)|mark)), s...)
}

// MaxShort is the longest that AppendShort appends, in bytes.
const MaxShort = 256

// shortTexts are the longest texts of a short request.
var shortTexts = [...]int{16, 64, 80, 32, 32, 0, 0}

// AppendShort appends request, which is from [AppendRequest], with its texts cut
// further: for exchanges of which many are kept.
func AppendShort(dst, request []byte) []byte {
	dst, request = append(dst, request[:addrSize]...), request[addrSize:]
	for _, most := range shortTexts {
		var t text
		t, request = takeText(request)
		at := len(dst)
		dst = appendText(dst, view(t.b), most)
		if t.cut {
			dst[at+1] |= cutMark >> 8
		}
	}
	return dst
}

// view is b as a string, for as long as b does not change.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// text is one of a request's texts, borrowed from the record that encodes it.
type text struct {
	b   []byte
	cut bool
}

func takeText(b []byte) (t text, rest []byte) {
	n := binary.LittleEndian.Uint16(b)
	end := 2 + int(n&^cutMark)
	return text{b[2:end], n&cutMark != 0}, b[end:]
}

// Secure is what a connection's handshake agreed on, as crypto/tls numbers it; zero
// without TLS.
type Secure struct {
	Version, Cipher uint16
	Name            string // that the client asked for (SNI); "" if it did not
}

// SecureOf is what the handshake of a connection has agreed on; nil: it has none.
func SecureOf(c *tls.Conn) *Secure {
	if c == nil {
		return &unknown
	}
	s := c.ConnectionState()
	return &Secure{s.Version, s.CipherSuite, s.ServerName}
}

// unknown is what all connections have that have no TLS, or of which no line has it.
var unknown Secure

// A record is encoded as a head of fixed size and the request. The head:
//
//	0  size of the whole  2     8  began, Unix ns   8
//	2  status             2    16  duration, ns     8
//	4  flags              1    24  bytes            8
//	5  protocol           1    32  version of TLS   2
//	6  cache result       1    34  its cipher       2
//	7  its reason         1
//
// The trace of the request stands behind it, if it has one, and then its details.
const recordHead = 36

const (
	flagLogged  = 1 << iota // a line of the log
	flagChosen              // by chance: stands for others, and counts for the hottest keys
	flagAborted             // see Answer.Aborted
	flagTurn                // its duration is that of the turn
	flagLimited             // see Answer.Limited
	flagTraced              // by chance: its trace begins at the writer
	flagTrace               // its trace is in the record
	flagDetails             // its details are in the record
)

// maxRecord is the longest record.
const maxRecord = recordHead + MaxRequest + traces.RequestBytes + maxDetails

// appendRecord appends a record, with details if flags say so.
func appendRecord(dst, request []byte, a *Answer, flags byte, p Protocol, s *Secure) []byte {
	var h [recordHead]byte
	if a.Duration == 0 {
		flags |= flagTurn
	}
	if a.Aborted {
		flags |= flagAborted
	}
	if a.Limited {
		flags |= flagLimited
	}
	if a.Trace != nil {
		flags |= flagTrace
	}
	binary.LittleEndian.PutUint16(h[2:], uint16(a.Status))
	h[4], h[5], h[6], h[7] = flags, byte(p), byte(a.Result), byte(a.Reason)
	binary.LittleEndian.PutUint64(h[8:], uint64(a.Began.UnixNano()))
	binary.LittleEndian.PutUint64(h[16:], uint64(a.Duration))
	binary.LittleEndian.PutUint64(h[24:], uint64(a.Bytes))
	binary.LittleEndian.PutUint16(h[32:], s.Version)
	binary.LittleEndian.PutUint16(h[34:], s.Cipher)
	start := len(dst)
	dst = append(append(dst, h[:]...), request...)
	if a.Trace != nil {
		dst = a.Trace.AppendTo(dst)
	}
	if flags&flagDetails != 0 {
		dst = appendDetails(dst, a, s)
	}
	binary.LittleEndian.PutUint16(dst[start:], uint16(len(dst)-start))
	return dst
}

// setTook fills in the duration of the records in batch that took the turn.
func setTook(batch []byte, took time.Duration) {
	for len(batch) > 0 {
		if batch[4]&flagTurn != 0 {
			binary.LittleEndian.PutUint64(batch[16:], uint64(took))
		}
		batch = batch[binary.LittleEndian.Uint16(batch):]
	}
}

// record is a record as the writer sees it, borrowed from the stripe's memory.
type record struct {
	began    time.Time
	duration time.Duration
	bytes    int64
	client   netip.Addr // invalid: unknown
	status   int
	flags    byte
	protocol Protocol
	secure   Secure
	result   metrics.CacheResult
	reason   rfc9111.Reason

	method, host, path, referer, agent, parent text
	given                                      text // a trusted proxy's ID of it
	details

	traced []byte          // its trace as it is encoded
	trace  *traces.Request // nil: it is not traced; the writer's
}

// takeRecord decodes the first record of a batch.
func takeRecord(batch []byte) (r record, rest []byte) {
	b, rest := batch[:binary.LittleEndian.Uint16(batch)], batch[binary.LittleEndian.Uint16(batch):]
	r.status = int(binary.LittleEndian.Uint16(b[2:]))
	r.flags, r.protocol, r.result, r.reason = b[4], Protocol(b[5]), metrics.CacheResult(b[6]), rfc9111.Reason(b[7])
	r.began = time.Unix(0, int64(binary.LittleEndian.Uint64(b[8:])))
	r.duration = time.Duration(binary.LittleEndian.Uint64(b[16:]))
	r.bytes = int64(binary.LittleEndian.Uint64(b[24:]))
	r.secure = Secure{Version: binary.LittleEndian.Uint16(b[32:]), Cipher: binary.LittleEndian.Uint16(b[34:])}
	b = b[recordHead:]
	if ip := netip.AddrFrom16([addrSize]byte(b)); !ip.IsUnspecified() {
		r.client = ip.Unmap()
	}
	b = b[addrSize:]
	for _, t := range []*text{&r.method, &r.host, &r.path, &r.referer, &r.agent, &r.parent, &r.given} {
		*t, b = takeText(b)
	}
	if r.flags&flagTrace != 0 {
		r.traced, b = b[:traces.RequestBytes], b[traces.RequestBytes:]
	}
	if r.flags&flagDetails != 0 {
		r.details = takeDetails(b)
	}
	return r, rest
}

func (r *record) cut() bool {
	return r.method.cut || r.host.cut || r.path.cut || r.referer.cut || r.agent.cut
}

// fault is [Answer.fault].
func (r *record) fault() bool { return r.status >= errorStatus || r.flags&flagAborted != 0 }
