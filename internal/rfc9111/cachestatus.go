package rfc9111

import "strconv"

// CacheStatus is one member of the Cache-Status field (RFC 9211 §2): what this
// cache did with a request.
type CacheStatus struct {
	// Cache names this cache: a token, or any text, which is then quoted.
	Cache string

	// Served is why the request was answered from the store, or forwarded.
	Served Reason

	// ForwardStatus is the status that the origin answered; 0: not forwarded, or
	// the same as the response's.
	ForwardStatus int

	// Kept is what became of the origin's response: [Stored], why it was not
	// stored, or [None].
	Kept Reason

	// Collapsed: the request followed the fetch that another had begun, for
	// a reason other than [Collapsed], which implies it.
	Collapsed bool

	// TTL is for how many seconds the response is still fresh, negative if it
	// is stale ([Policy.Left]). It is sent if HasTTL is set.
	TTL    int64
	HasTTL bool

	// Key is the key of the stored response; "" is not sent. It may show what
	// the site's keys consist of.
	Key string
}

// AppendCacheStatus appends the member as a structured field's item (RFC 9211
// §2, RFC 9651 §4.1), without allocating beyond the growth of dst. The detail is
// the name of the reason, if no other parameter says the same: why a response
// was not stored, else why it was served.
//
//	hotpath; hit; ttl=57
//	hotpath; fwd=uri-miss; fwd-status=200; stored; ttl=60
//	hotpath; fwd=uri-miss; collapsed; detail=set_cookie
func AppendCacheStatus(dst []byte, s *CacheStatus) []byte {
	dst = appendTokenOrString(dst, s.Cache)
	forward := s.Served.Forward()
	switch {
	case s.Served.Hit():
		dst = append(dst, "; hit"...)
	case forward != "":
		dst = append(append(dst, "; fwd="...), forward...)
		if s.ForwardStatus > 0 {
			dst = strconv.AppendInt(append(dst, "; fwd-status="...), int64(s.ForwardStatus), 10)
		}
		if s.Kept == Stored {
			dst = append(dst, "; stored"...)
		}
		if s.Collapsed || s.Served == Collapsed {
			dst = append(dst, "; collapsed"...)
		}
	}
	if s.HasTTL {
		// A structured field's integer has 15 digits at most; a lifetime has 10.
		dst = strconv.AppendInt(append(dst, "; ttl="...), s.TTL, 10)
	}
	if s.Key != "" {
		dst = appendString(append(dst, "; key="...), s.Key)
	}
	switch {
	case s.Kept != None && s.Kept != Stored:
		dst = append(append(dst, "; detail="...), s.Kept.String()...)
	case s.Served != None && s.Served != Fresh && s.Served != Miss && s.Served != VaryMismatch &&
		s.Served != Collapsed && s.Served != Method && s.Served != Bypass:
		dst = append(append(dst, "; detail="...), s.Served.String()...)
	}
	return dst
}
