// Package certs decides which certificate a client is presented, and keeps what
// is presented up to date with the files that it comes from.
//
//	ClientHello ─ SNI ─▶ Index: exact name, then the wildcard above it, then the default
//	                       └─ of an ECDSA, an Ed25519 and an RSA key, the first that the client can use
//
//	index.go       which certificate: an immutable Index, swapped whole
//	keeper.go      where certificates come from, and the look at all of them
//	watched.go     one pair of files: what of it is in use, and what is wrong with it
//	authority.go   certificates of clients: which must have one, and which connections a site admits
//	held.go        how much memory the certificates of a client may take
//	keyfile.go     files of keys: of session tickets, of Encrypted Client Hello
//	report.go      metrics, and warnings of ends that are near
//	selfsigned.go  a certificate if there is no other
//
// # Files
//
// Files are looked at every [Interval] and read if device, inode, size or time
// changed. A pair takes effect when both of its files match, so that they can be
// replaced one after the other, or while they are being written. If they do not
// match at the second look either, one line of the log says which file is wrong
// and how, hotpath_tls_certificates_broken counts it, and what was loaded before
// stays in use. There is always a certificate in use: the last one stays even if
// its files are gone.
//
// # Concurrency
//
// All methods of a [Keeper] are safe for concurrent use. [Keeper.Certificate] is
// called by each handshake: it takes no lock.
package certs
