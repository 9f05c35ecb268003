package rfc9111

// storable reports whether a response with the status may be stored as the
// whole that a key names, whatever its fields say.
func storable(status int) Reason {
	switch {
	case status == 206:
		return Partial // §3.3; ranges are cut from whole responses
	case status < 200 || status > 599:
		return Status // §3: only final responses
	}
	switch status {
	case 304:
		return Status // updates what is stored (§4.3.4)
	case 426:
		return Status // must have Upgrade (RFC 9110 §15.5.22), which is not stored
	case 412, 416:
		return Status // speaks of the request's conditions and Range, which no key has
	case 428, 429, 431, 511:
		return Status // must not be stored (RFC 6585 §3 to §6)
	}
	return Stored
}

// Provoked reports whether a status is an error that speaks of the request, such
// as of fields that no key has: any client can provoke it, and whatever the
// response says of its freshness, it is not to be the answer of others. A site
// may name it in its rules ([Rules.StatusFreshness]); §3 lets a cache store less.
// Of 401 and 407 that is not said: what they ask for, Authorization, has its rules.
func Provoked(status int) bool {
	switch status {
	case 400, 408, 411, 413, 414, 415, 417, 421, 425, 426, 431:
		return true
	}
	return false
}

// cacheableByDefault reports whether RFC 9110 §15.1 lets a response with the
// status be stored without explicit freshness. 206 is not stored.
func cacheableByDefault(status int) bool {
	switch status {
	case 200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501:
		return true
	}
	return false
}

// understood reports whether the caching requirements of a status are
// implemented here, for must-understand (§5.2.2.3): those of RFC 9110 §15 that
// [storable] does not refuse, and RFC 7725's 451.
func understood(status int) bool {
	switch {
	case storable(status) != Stored:
		return false
	case status <= 205, status >= 300 && status <= 303, status == 305, status == 307, status == 308:
		return true
	case status >= 400 && status <= 417, status == 421, status == 422, status == 451:
		return true
	}
	return status >= 500 && status <= 505
}
