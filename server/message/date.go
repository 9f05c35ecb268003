package message

import (
	"net/http"
	"sync/atomic"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

// DateText is the date field of one second, encoded once for every response
// sent in it. Immutable.
type DateText struct {
	Unix  int64       // the second
	Field hpack.Field // name and value
	Block []byte      // HPACK, without a reference to a dynamic table
	Line  []byte      // HTTP/1.1, with its CRLF
}

var lastDate atomic.Pointer[DateText]

// Date returns the date field for now (RFC 9110 §6.6.1).
func Date(now time.Time) *DateText {
	second := now.Unix()
	if d := lastDate.Load(); d != nil && d.Unix == second {
		return d
	}
	f := hpack.Field{Name: "date", Value: now.UTC().Format(http.TimeFormat)}
	d := &DateText{
		Unix:  second,
		Field: f,
		Block: hpack.AppendLiteral(nil, f),
		Line:  []byte("date: " + f.Value + "\r\n"),
	}
	lastDate.Store(d)
	return d
}
