package message

import (
	"net/http"
	"sync/atomic"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

// FixedField is a field that is encoded once for many responses. Immutable.
type FixedField struct {
	Field hpack.Field // name and value
	Block []byte      // HPACK, without a reference to a dynamic table
	Line  []byte      // HTTP/1.1, with its CRLF
}

// NewFixedField encodes a field.
func NewFixedField(name, value string) *FixedField {
	f := hpack.Field{Name: name, Value: value}
	return &FixedField{Field: f, Block: hpack.AppendLiteral(nil, f), Line: []byte(name + ": " + value + "\r\n")}
}

// DateText is the date field of one second, for every response sent in it.
type DateText struct {
	*FixedField
	Unix int64 // the second

	// Alternative is the alt-svc field of the responses sent in it, but for those
	// of the alternative itself (RFC 7838 §3); nil: there is none.
	Alternative *FixedField
}

var (
	lastDate    atomic.Pointer[DateText]
	alternative atomic.Pointer[FixedField]
)

// Announce has responses name an alternative service, from a second later on at the
// latest; nil: none.
func Announce(f *FixedField) {
	alternative.Store(f)
	lastDate.Store(nil)
}

// Date returns the date field for now (RFC 9110 §6.6.1).
func Date(now time.Time) *DateText {
	second := now.Unix()
	if d := lastDate.Load(); d != nil && d.Unix == second {
		return d
	}
	d := &DateText{NewFixedField("date", now.UTC().Format(http.TimeFormat)), second, alternative.Load()}
	lastDate.Store(d)
	return d
}

// CacheStatus is the field in which a cache explains its part in a response
// (RFC 9211).
const CacheStatus = "cache-status"
