package site

import (
	"encoding/binary"
	"strings"
	"sync/atomic"

	"github.com/e0ac7cd4/hotpath/internal/rfc9111"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/certs"
	"github.com/e0ac7cd4/hotpath/server/client"
	"github.com/e0ac7cd4/hotpath/server/encode"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/origin"
	"github.com/e0ac7cd4/hotpath/server/rules"
)

// Site is what is served to some hosts, and by which rules. It must not change
// once it is in a Table, and must not be copied.
type Site struct {
	// Name is for logs and metrics.
	Name string

	// Hosts are names in lower case without a port, or "*.example.com" for
	// every name below it. Default is whether the site gets requests for
	// hosts that no site has.
	Hosts   []string
	Default bool

	// Path is the part of the hosts' paths that the site gets, with a slash at both
	// ends; "" is all that no other site of the host has. Strip is whether the
	// origin gets paths without it.
	Path  string
	Strip bool

	// Origin answers what is not stored. Files is whether it is a directory:
	// one that we are the origin of, that has GET, HEAD and OPTIONS, and that
	// has neither hosts nor queries.
	Origin origin.Origin
	Files  bool

	// Clients is the authority that clients must be certified by; nil: none.
	Clients *certs.Authority

	// Query is what of a query is in the key. Fields and Cookies are what else of a
	// request is: names, in lower case those of fields.
	Query   Query
	Fields  []string
	Cookies []string

	Rules *rfc9111.Rules

	// TrustedProxies are the peers that are trusted to name their client.
	TrustedProxies client.Networks

	// Guard is what is demanded of a request before it is served, a hit included;
	// nil: nothing. Requests is what becomes of the fields of requests to an
	// upstream, Answers of all answers; nil: nothing.
	Guard    *rules.Guard
	Requests *rules.Fields
	Answers  *rules.Answers

	// RequestIDs is whether an upstream gets the ID of each request.
	RequestIDs bool

	// Coding is what is done about content codings; nil: nothing.
	Coding *encode.Policy

	// MaxBody is the largest content of a request, in bytes; 0: what the engines
	// take.
	MaxBody int64

	// HitStatus is the Cache-Status of a hit; nil if the site sends none.
	HitStatus *message.FixedField

	// Tally counts the site's answers; nil: it gets one with its table.
	Tally *metrics.Tally

	variances *variances // what the origin says of queries; nil before it is in a Table

	fork   *fork  // of the stand-in for the sites of a host; nil for every other
	number uint32 // see Inherit; 0: none yet
	users  users
}

// String is the site's name.
func (s *Site) String() string { return s.Name }

// numbers counts the sites of the process. At a thousand new sites a second they
// last for fifty days.
var numbers atomic.Uint32

// Inherit makes what is stored for a site of the table before this one's too: its
// keys begin with the same number. Without it a site gets, with its table, a
// number that no entry's key has. It is for a site that stores the same responses
// under the same keys.
func (s *Site) Inherit(before *Site) { s.number, s.variances = before.number, before.variances }

// AppendKey appends to dst what names the resource of r in the cache: the site,
// for an upstream the host, and the target. It reports false if the target is
// malformed, or the host has a slash: it could not be distinguished from the path.
func (s *Site) AppendKey(dst []byte, r *message.Request) (key []byte, ok bool) {
	dst = binary.BigEndian.AppendUint32(dst, s.number)
	if s.Files {
		return origin.AppendPathKey(dst, s.Stripped(r.Path))
	}
	if r.Path == "" || r.Path[0] != '/' || strings.IndexByte(r.Authority, '/') >= 0 {
		return dst, false
	}
	dst = appendHost(dst, r.Authority)
	path, query := cutQuery(r.Path)
	dst = append(dst, path...)
	if v := s.variances.find(dst); v != nil {
		dst = s.Query.append(v.appendMark(dst), query, &v.query)
	} else {
		dst = s.Query.append(dst, query, nil)
	}
	return s.appendNamed(dst, r.Fields), true
}

// AppendKeyBy is AppendKey by what an origin says of the query, whatever is known of the
// path; nil: it says nothing.
func (s *Site) AppendKeyBy(dst []byte, r *message.Request, says Statement) (key []byte, ok bool) {
	if s.Files {
		return s.AppendKey(dst, r)
	}
	plain := Site{number: s.number}
	start := len(dst)
	path, query := cutQuery(r.Path)
	if dst, ok = plain.AppendKey(dst, &message.Request{Authority: r.Authority, Path: path}); !ok {
		return dst[:start], false
	}
	if says != nil {
		dst = s.Query.append(says.appendMark(dst), query, &says.query)
	} else {
		dst = s.Query.append(dst, query, nil)
	}
	return s.appendNamed(dst, r.Fields), true
}

// Number is what the site's keys begin with, as four bytes.
func (s *Site) Number() uint32 { return s.number }

// AppendPrefix appends to dst what the keys begin with of everything that the site
// has of a host, and whose path begins with prefix. It reports false if the prefix is
// malformed; dst stays as it is if the site has no such paths.
func (s *Site) AppendPrefix(dst []byte, host, prefix string) (key []byte, ok bool) {
	covered := strings.HasPrefix(s.Path, prefix) // the prefix is about all of the site's paths
	if !covered && !strings.HasPrefix(prefix, s.Path) {
		return dst, true
	}
	start := len(dst)
	dst = binary.BigEndian.AppendUint32(dst, s.number)
	switch {
	case !s.Files:
		return append(appendHost(dst, host), prefix...), true
	case covered:
		return append(dst, '/'), true
	}
	dst, ok = origin.AppendPathKey(dst, s.Stripped(prefix))
	if !ok {
		return dst[:start], false
	}
	if prefix[len(prefix)-1] == '/' && dst[len(dst)-1] != '/' {
		dst = append(dst, '/')
	}
	return dst, true
}

// Path is the part of a key of a files site that names the file: its cleaned
// path.
func Path(key string) string { return key[keyPrefix:] }

const keyPrefix = 4 // the site's number

// QueryMark follows, in the key of the answer to a QUERY, its target's key, and a hash
// of its content follows it. No path, no query and no Vary that extends a key has it
// there.
const QueryMark = 2

// KeyText is a resource's key for people: without the site, and what marks a query that
// the origin has said something of. A file's key is its path, which may have any bytes
// but those that no path has.
func (s *Site) KeyText(key string) string {
	text := key[keyPrefix:]
	if s.Files {
		return text
	}
	// The hashes behind the marks may have any byte in them.
	if i := strings.IndexByte(text, varianceMark); i >= 0 && !strings.ContainsAny(text[:i], string(rune(namedMark))+queryMarkText) {
		text = text[:i] + text[min(i+len(variance{}.mark), len(text)):]
	}
	if i := strings.IndexAny(text, string(rune(namedMark))+queryMarkText); i >= 0 {
		text = text[:i]
	}
	return text
}

const queryMarkText = string(rune(QueryMark))

// Host is an authority in the form that keys have. What is stored for all
// forms of a host is requested with this one.
func Host(authority string) string {
	var room [64]byte // a longer one costs an allocation
	host := appendHost(room[:0], authority)
	if string(host) == authority {
		return authority
	}
	return string(host)
}

// cutQuery splits a target in its path and its query, which begins with "?".
func cutQuery(target string) (path, query string) {
	for i := range len(target) {
		if target[i] == '?' {
			return target[:i], target[i:]
		}
	}
	return target, ""
}
