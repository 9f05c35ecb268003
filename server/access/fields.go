package access

import (
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/rfc9111"
)

// member appends a member of a JSON line, with a comma before it, or nothing if the
// record has none. It allocates nothing for what is plain.
type member func(f *formatter, dst []byte, r *record) []byte

// kind is when a line has a member, and what it is made of.
type kind uint8

const (
	usual     kind = 1 << iota // a line has it by default
	ofTLS                      // it is about the handshake, see Secure
	ofDetails                  // it is one of details
)

// fields are the members that a JSON line may have, in the order of the default.
var fields = []struct {
	name   string
	kind   kind
	append member
}{
	{"time", usual, appendTime},
	{"remote", usual, func(_ *formatter, dst []byte, r *record) []byte {
		return append(appendAddr(append(dst, `,"remote":"`...), r.client), '"')
	}},
	{"protocol", usual, func(_ *formatter, dst []byte, r *record) []byte {
		return appendWord(dst, `,"protocol":"`, protocolNames[r.protocol])
	}},
	{"method", usual, func(_ *formatter, dst []byte, r *record) []byte { return appendMember(dst, `,"method":`, r.method) }},
	{"host", usual, func(_ *formatter, dst []byte, r *record) []byte { return appendMember(dst, `,"host":`, r.host) }},
	{"path", usual, func(_ *formatter, dst []byte, r *record) []byte { return appendMember(dst, `,"path":`, r.path) }},
	{"status", usual, func(_ *formatter, dst []byte, r *record) []byte {
		return strconv.AppendInt(append(dst, `,"status":`...), int64(r.status), 10)
	}},
	{"bytes", usual, func(_ *formatter, dst []byte, r *record) []byte {
		return strconv.AppendInt(append(dst, `,"bytes":`...), r.bytes, 10)
	}},
	{"duration_us", usual, func(_ *formatter, dst []byte, r *record) []byte {
		return strconv.AppendInt(append(dst, `,"duration_us":`...), r.duration.Microseconds(), 10)
	}},
	{"cache", usual, func(_ *formatter, dst []byte, r *record) []byte {
		return appendWord(dst, `,"cache":"`, r.result.String())
	}},
	{"reason", usual, func(_ *formatter, dst []byte, r *record) []byte {
		if r.reason == rfc9111.None {
			return dst
		}
		return appendWord(dst, `,"reason":"`, r.reason.String())
	}},
	{"referer", usual, func(_ *formatter, dst []byte, r *record) []byte { return appendMember(dst, `,"referer":`, r.referer) }},
	{"user_agent", usual, func(_ *formatter, dst []byte, r *record) []byte { return appendMember(dst, `,"user_agent":`, r.agent) }},
	{"sample", usual, func(f *formatter, dst []byte, r *record) []byte {
		if f.sample <= 1 || r.fault() {
			return dst
		}
		return strconv.AppendInt(append(dst, `,"sample":`...), int64(f.sample), 10)
	}},
	{"aborted", usual, func(_ *formatter, dst []byte, r *record) []byte {
		return appendFlag(dst, `,"aborted":true`, r.flags&flagAborted != 0)
	}},
	{"limited", usual, func(_ *formatter, dst []byte, r *record) []byte {
		return appendFlag(dst, `,"limited":true`, r.flags&flagLimited != 0)
	}},
	{"truncated", usual, func(_ *formatter, dst []byte, r *record) []byte { return appendFlag(dst, `,"truncated":true`, r.cut()) }},

	{"trace_id", 0, func(_ *formatter, dst []byte, r *record) []byte {
		if r.trace == nil {
			return dst
		}
		id := r.trace.ID()
		return append(hex.AppendEncode(append(dst, `,"trace_id":"`...), id[:]), '"')
	}},
	{"request_id", ofDetails, appendID},
	{"site", ofDetails, func(_ *formatter, dst []byte, r *record) []byte { return appendSome(dst, `,"site":`, r.site) }},
	{"sni", ofTLS | ofDetails, func(_ *formatter, dst []byte, r *record) []byte { return appendSome(dst, `,"sni":`, r.sni) }},
	{"bytes_in", ofDetails, func(_ *formatter, dst []byte, r *record) []byte {
		return strconv.AppendInt(append(dst, `,"bytes_in":`...), r.in, 10)
	}},
	{"cache_age", ofDetails, func(_ *formatter, dst []byte, r *record) []byte {
		if r.age == 0 {
			return dst
		}
		return strconv.AppendInt(append(dst, `,"cache_age":`...), int64(r.age)-1, 10)
	}},
	{"upstream", ofDetails, func(_ *formatter, dst []byte, r *record) []byte {
		return appendSome(dst, `,"upstream":`, r.upstream)
	}},
	{"upstream_time_us", ofDetails, func(_ *formatter, dst []byte, r *record) []byte {
		return appendTook(dst, `,"upstream_time_us":`, r.head)
	}},
	{"upstream_total_us", ofDetails, func(_ *formatter, dst []byte, r *record) []byte {
		return appendTook(dst, `,"upstream_total_us":`, r.total)
	}},
	{"tls_version", ofTLS, func(_ *formatter, dst []byte, r *record) []byte {
		return appendWord(dst, `,"tls_version":"`, versionName(r.secure.Version))
	}},
	{"tls_cipher", ofTLS, func(_ *formatter, dst []byte, r *record) []byte {
		return appendWord(dst, `,"tls_cipher":"`, cipherNames[r.secure.Cipher])
	}},
}

// FieldNames are the names of all members that a JSON line may have, those that it
// has by default first, and how many these are.
func FieldNames() (names []string, usually int) {
	for _, f := range fields {
		names = append(names, f.name)
		if f.kind&usual != 0 {
			usually++
		}
	}
	return names, usually
}

// Usual is a name that stands for all members that a line has by default.
const Usual = "usual"

// membersOf are the members with these names, in their order, and what they are made
// of; nil is Usual.
func membersOf(names []string) (members []member, kinds kind, err error) {
	if names == nil {
		names = []string{Usual}
	}
	for _, name := range names {
		if name == Usual {
			for _, f := range fields {
				if f.kind&usual != 0 {
					members = append(members, f.append)
				}
			}
			continue
		}
		i := 0
		for i < len(fields) && fields[i].name != name {
			i++
		}
		if i == len(fields) {
			all, _ := FieldNames()
			return nil, 0, fmt.Errorf("the access log has no field %q, only %s", name, strings.Join(all, ", "))
		}
		members = append(members, fields[i].append)
		kinds |= fields[i].kind
	}
	return members, kinds, nil
}

func appendTime(f *formatter, dst []byte, r *record) []byte {
	dst = f.appendStamp(append(dst, `,"time":"`...), r.began, "2006-01-02T15:04:05")
	ms := r.began.Nanosecond() / 1e6
	return append(dst, '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10), 'Z', '"')
}

// appendWord appends a word of ours, which needs no escape; nothing if it is empty.
func appendWord(dst []byte, key, word string) []byte {
	if word == "" {
		return dst
	}
	return append(append(append(dst, key...), word...), '"')
}

// appendSome is appendMember for a text that a record need not have.
func appendSome(dst []byte, key string, t text) []byte {
	if len(t.b) == 0 {
		return dst
	}
	return appendMember(dst, key, t)
}

// appendTook appends a time in microseconds; nothing if it has not ended.
func appendTook(dst []byte, key string, took time.Duration) []byte {
	if took == 0 {
		return dst
	}
	return strconv.AppendInt(append(dst, key...), took.Microseconds(), 10)
}

func appendFlag(dst []byte, member string, on bool) []byte {
	if on {
		dst = append(dst, member...)
	}
	return dst
}

// cipherNames are those of crypto/tls, whose own look-up allocates.
var cipherNames = func() map[uint16]string {
	names := make(map[uint16]string)
	for _, s := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		names[s.ID] = s.Name
	}
	return names
}()

// versionName is a version of TLS as OpenTelemetry and nginx write it; "" for none.
func versionName(version uint16) string {
	switch version {
	case tls.VersionTLS12:
		return "TLSv1.2"
	case tls.VersionTLS13:
		return "TLSv1.3"
	}
	return ""
}
