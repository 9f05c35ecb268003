package h1

import (
	"bytes"
	"fmt"
	"io"
	"net/http/httputil"
	"strings"
	"testing"
)

var chunkLimits = limits{200, 4}

// chunkTable is contents in chunks: what is decoded, or an error.
var chunkTable = []struct {
	name, raw, content string
	trailers           string
	err                error
}{
	{"the least", "0\r\n\r\n", "", "", nil},
	{"one", "4\r\nbody\r\n0\r\n\r\n", "body", "", nil},
	{"several", "1\r\na\r\n2\r\nbc\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n", "abc0123456789abcdef", "", nil},
	{"digits in both cases", "A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789", "", nil},
	{"leading zeros", "0000000000000004\r\nbody\r\n000\r\n\r\n", "body", "", nil},
	{"data that looks like a chunk", "7\r\n0\r\n\r\n0\r\r\n0\r\n\r\n", "0\r\n\r\n0\r", "", nil},
	{"an extension", "4;a=b\r\nbody\r\n0;c\r\n\r\n", "body", "", nil},
	{"an extension behind space", "4 \t; a=\"b;c\"\r\nbody\r\n0\r\n\r\n", "body", "", nil},
	{"a quote in a quoted extension", "4;a=\"\\\"b\\\\\\;\\ \";c=\"\"\r\nbody\r\n0\r\n\r\n", "body", "", nil},
	{"trailers", "0\r\nA: b\r\nC-D:\t e f \r\n\r\n", "", "a=b c-d=e f ", nil},
	{"an empty trailer", "0\r\nA:\r\n\r\n", "", "a= ", nil},

	{"no size", "\r\nbody", "", "", errChunkSize},
	{"no digit", "g\r\n", "", "", errChunkSize},
	{"a sign", "+4\r\nbody\r\n", "", "", errChunkSize},
	{"a minus", "-1\r\n", "", "", errChunkSize},
	{"a prefix", "0x4\r\nbody\r\n", "", "", errChunkSize},
	{"space before", " 4\r\nbody\r\n", "", "", errChunkSize},
	{"space behind", "4 \r\nbody\r\n", "", "", errChunkSize},
	{"space inside", "1 0\r\nbody\r\n", "", "", errChunkSize},
	{"too many digits", "00000000000000004\r\nbody\r\n", "", "", errChunkSize},
	{"too large", "7fffffffffffffff\r\n", "", "", errChunkSize},
	{"negative if it wraps around", "8000000000000000\r\n", "", "", errChunkSize},
	{"LF alone", "4\nbody\r\n", "", "", errChunkSize},
	{"CR alone", "4\rbody\r\n", "", "", errChunkSize},
	{"a control character in an extension", "4;\x01\r\nbody\r\n", "", "", errChunkSize},
	{"LF in an extension", "4;a\n\r\nbody\r\n", "", "", errChunkSize},
	{"a quote that does not end", "1;a=\"b\r\nx\r\n0\r\n\r\n", "", "", errChunkSize},
	{"a quote of which the end is escaped", "1;a=\"b\\\"\r\nx\r\n0\r\n\r\n", "", "", errChunkSize},
	{"a quote that begins again", "1;a=\"b\"\"\r\nx\r\n0\r\n\r\n", "", "", errChunkSize},
	{"a long extension", "4;" + strings.Repeat("a", maxChunkLine) + "\r\nbody\r\n", "", "", errChunkSize},
	{"data too long", "3\r\nbody\r\n", "bod", "", errChunkEnd},
	{"data too short", "5\r\nbody\r\n0\r\n\r\n", "body\r", "", errChunkEnd},
	{"LF behind data", "4\r\nbody\n0\r\n\r\n", "body", "", errChunkEnd},
	{"extensions in excess", strings.Repeat("1;"+strings.Repeat("a", 200)+"\r\nx\r\n", 100), strings.Repeat("x", 88), "", errExcess},
	{"a trailer without a name", "0\r\n: b\r\n\r\n", "", "", errTrailers},
	{"a trailer without a colon", "0\r\nab\r\n\r\n", "", "", errTrailers},
	{"a folded trailer", "0\r\nA: b\r\n c\r\n\r\n", "", "", errTrailers},
	{"LF in a trailer", "0\r\nA: b\nC: d\r\n\r\n", "", "", errTrailers},
	{"a trailer that frames", "0\r\ncontent-length: 1\r\n\r\n", "", "", errTrailers},
	{"a trailer that routes", "0\r\nHOST: x\r\n\r\n", "", "", errTrailers},
	{"too many trailers", "0\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\n\r\n", "", "", errTrailers},
	{"a trailer section that is too large", "0\r\nA: " + strings.Repeat("b", 200) + "\r\n\r\n", "", "", errTrailers},
	{"a trailer section that does not end", "0\r\nA: " + strings.Repeat("b", 200), "", "", errTrailers},
}

// decode feeds raw in pieces of step bytes, and takes at most most at once.
func decode(raw []byte, step, most int) (d *chunked, content []byte, left int, err error) {
	d = &chunked{limits: chunkLimits}
	from := 0
	for to := 0; d.state != chunkDone; {
		part, n, err := d.next(raw[from:to], most)
		if err != nil {
			return d, content, len(raw) - from, err
		}
		content = append(content, part...)
		if from += n; n > 0 {
			continue
		}
		if to == len(raw) {
			break
		}
		to = min(len(raw), to+step)
	}
	return d, content, len(raw) - from, nil
}

func TestChunked(t *testing.T) {
	for _, c := range chunkTable {
		t.Run(c.name, func(t *testing.T) {
			for _, step := range []int{1, 2, 3, 1 << 20} {
				for _, most := range []int{1, 3, 1 << 20} {
					d, content, left, err := decode([]byte(c.raw+"GET"), step, most)
					if err != c.err || err == nil && (string(content) != c.content || left != len("GET")) {
						t.Fatalf("in steps of %d: %q, %d left, %v; want %q and %v", step, content, left, err, c.content, c.err)
					}
					if err != nil && !strings.HasPrefix(c.content, string(content)) && c.content != "" {
						t.Errorf("%q before the error, want %q", content, c.content)
					}
					var trailers strings.Builder
					for _, f := range d.trailers {
						fmt.Fprintf(&trailers, "%s=%s ", f.Name, f.Value)
					}
					if err == nil && trailers.String() != c.trailers {
						t.Errorf("trailers %q, want %q", trailers.String(), c.trailers)
					}
				}
			}
		})
	}
}

// TestChunkedTruncated: no part of a well-formed content is malformed, or
// complete.
func TestChunkedTruncated(t *testing.T) {
	for _, c := range chunkTable {
		if c.err != nil {
			continue
		}
		for n := range len(c.raw) {
			d, content, _, err := decode([]byte(c.raw[:n]), 1, 1<<20)
			if err != nil || d.state == chunkDone || !strings.HasPrefix(c.content, string(content)) {
				t.Errorf("%s: the first %d bytes give %q, state %d, %v", c.name, n, content, d.state, err)
			}
		}
	}
}

// FuzzChunked: what is complete to us is so to net/http, with the same content;
// and how it is cut up makes no difference.
func FuzzChunked(f *testing.F) {
	for _, c := range chunkTable {
		f.Add([]byte(c.raw))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		d, content, left, err := decode(raw, 1<<20, 1<<20)
		d1, content1, left1, err1 := decode(raw, 1, 2)
		if d.state != d1.state || err != err1 || err == nil && (left != left1 || !bytes.Equal(content, content1)) {
			t.Fatalf("in one piece %q, %d left, %v; byte by byte %q, %d left, %v", content, left, err, content1, left1, err1)
		}
		if d.state != chunkDone || err != nil {
			return
		}
		theirs, err := io.ReadAll(httputil.NewChunkedReader(bytes.NewReader(raw)))
		if err != nil && bytes.ContainsAny(raw, " \t;") {
			return // it allows less space, and shorter extensions
		}
		if err != nil || !bytes.Equal(theirs, content) {
			t.Fatalf("%q is %q, to net/http %q, %v", raw, content, theirs, err)
		}
	})
}
