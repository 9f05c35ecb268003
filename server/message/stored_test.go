package message

import (
	"net/http"
	"testing"
	"time"
)

// TestStoredConditions: a stored response of another server has conditions
// without a validator too (RFC 9111 §4.3.2).
func TestStoredConditions(t *testing.T) {
	bare := Stored(http.StatusOK, fields("date", at(0)), []byte("body"), modified.Unix())
	undated := Stored(http.StatusOK, nil, []byte("body"), modified.Unix())
	for _, c := range []struct {
		says        string
		resp        *Response
		name, value string
		want        int
	}{
		{"* matches whatever is stored.", bare, ifNoneMatch, "*", 304},
		{"No tag matches none.", bare, ifNoneMatch, `"a"`, 200},
		{"Date stands in for Last-Modified.", bare, ifSince, at(0), 304},
		{"A later date is later.", bare, ifSince, at(time.Hour), 304},
		{"What is earlier than Date is modified since.", bare, ifSince, at(-time.Second), 200},
		{"What is no date is ignored.", bare, ifSince, "yesterday", 200},
		{"Without Date there is nothing to compare.", undated, ifSince, at(0), 200},
	} {
		r := &Request{Method: http.MethodGet, Fields: fields(c.name, c.value)}
		if got := Select(r, c.resp).Status; got != c.want {
			t.Errorf("%s: %d, want %d", c.says, got, c.want)
		}
	}
}

// TestNoContentHasNoLength: RFC 9110 §8.6.
func TestNoContentHasNoLength(t *testing.T) {
	for _, r := range []*Response{
		Stored(http.StatusNoContent, nil, nil, 1),
		OpenedStored(http.StatusNoContent, nil, 0, 1),
		Opened(http.StatusNoContent, nil, 0),
	} {
		if length := fieldOf(r, "content-length"); length != "" {
			t.Errorf("a 204 has Content-Length: %s", length)
		}
	}
}
