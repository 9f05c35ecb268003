package h1

import (
	"math"
	"strings"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// note takes note of a field that frames the request or concerns the
// connection.
func (h *head) note(f *hpack.Field) *refusal {
	switch f.Name {
	case "host":
		return h.noteHost(f)
	case "connection":
		for option := range strings.SplitSeq(f.Value, ",") {
			switch option = strings.Trim(option, " \t"); {
			case strings.EqualFold(option, "close"):
				h.close = true
			case strings.EqualFold(option, "keep-alive"):
				h.persist = true
			case strings.EqualFold(option, "upgrade"):
				h.upgradable = true
			}
		}
	case "content-length":
		n, ok := parseLength(f.Value)
		if h.lengths++; !ok || h.lengths > 1 {
			return badLength
		}
		h.length = n
	case "transfer-encoding":
		if h.codings++; h.codings > 1 {
			return badCoding
		}
		return h.noteCoding(f.Value)
	case "expect":
		h.expectation = true
		h.expects = strings.EqualFold(f.Value, "100-continue")
		if !h.expects && h.proto != message.HTTP10 {
			return otherExpectation
		}
	case "upgrade":
		protocol, _, _ := strings.Cut(f.Value, ",")
		if protocol = strings.Trim(protocol, " \t"); h.upgrade == "" && !strings.EqualFold(protocol, "h2c") && !strings.EqualFold(protocol, "h2") {
			h.upgrade = protocol
		}
	}
	return nil
}

// noteCoding reads a list of transfer codings, of which only chunked is known.
// If it stands there more than once, or not last, the content has no end
// (RFC 9112 §6.3).
func (h *head) noteCoding(list string) *refusal {
	before, last := "", list
	if i := strings.LastIndexByte(list, ','); i >= 0 {
		before, last = list[:i], list[i+1:]
	}
	for coding := range strings.SplitSeq(before, ",") {
		if strings.EqualFold(strings.Trim(coding, " \t"), "chunked") {
			return badCoding
		}
	}
	if list == "" {
		return badCoding
	}
	h.unknown = before != "" || !strings.EqualFold(last, "chunked")
	return nil
}

func (h *head) noteHost(f *hpack.Field) *refusal {
	for i := range len(h.request.Fields) - 1 {
		if h.request.Fields[i].Name == "host" {
			return badHost
		}
	}
	if !validHost(f.Value) {
		return badHost
	}
	if h.absolute {
		f.Value = h.request.Authority // the target's holds (RFC 9112 §3.2.2)
	} else {
		h.request.Authority = f.Value
	}
	return nil
}

// judge decides, after the last field, where the request ends and what becomes
// of the connection.
func (h *head) judge() *refusal {
	old := h.proto == message.HTTP10
	if !old {
		if _, ok := h.request.Field("host"); !ok {
			return badHost // RFC 9112 §3.2
		}
	}
	switch {
	case h.codings > 0 && (h.lengths > 0 || old):
		return twoLengths // RFC 9112 §6.1
	case h.unknown:
		return otherCoding
	case h.codings > 0:
		h.content = chunkedContent
	case h.length > 0:
		h.content = sized
	}
	if h.request.Method == "CONNECT" && h.content != none {
		return contentOfConnect
	}
	h.close = h.close || old && !h.persist
	h.expects = h.expects && !old && h.content != none // RFC 9110 §10.1.1
	if old || !h.upgradable || h.content != none || h.request.Method == "CONNECT" {
		h.upgrade = "" // RFC 9110 §7.8
	}
	return nil
}

// parseLength reads 1*DIGIT (RFC 9110 §8.6).
func parseLength(s string) (n int64, ok bool) {
	for i := range len(s) {
		if !isDigit(s[i]) || n > (math.MaxInt64-9)/10 {
			return 0, false
		}
		n = n*10 + int64(s[i]-'0')
	}
	return n, s != ""
}
