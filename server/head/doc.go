// Package head checks what the head of a request has to look like in HTTP/2 and in
// HTTP/3, which say the same of it in other sections: pseudo-fields (RFC 9113 §8.3,
// RFC 9114 §4.3), names and values of fields (§8.2, §4.2), trailers. Sections are
// those of RFC 9113 if nothing else is said.
//
//	request.go  a list of fields becomes a request
//	target.go   what its pseudo-fields and host say of its target
//
// It decides, and does nothing else: what becomes of a request that is malformed is
// the engine's.
package head
