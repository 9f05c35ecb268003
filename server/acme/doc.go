// Package acme obtains and renews certificates from an authority that speaks ACME
// (RFC 8555), for names that an operator has configured and for no others.
//
//	Configure ─ names ─▶ worker, one for each ─ due? ─▶ lock ─▶ order ─▶ storage ─▶ certs.Keeper
//	                                                              │
//	                                        Board: answers to challenges, or the hook
//
//	manager.go    which names have a worker, and how many have no certificate
//	worker.go     the life of one name: wait, look, order
//	schedule.go   when a certificate is to be renewed, and when to try again: pure
//	order.go      one certificate from the authority
//	account.go    the account there
//	client.go     requests to it: deadlines, and a bound on the bytes of answers
//	board.go      challenges that are answered here: TLS-ALPN-01 (RFC 8737), HTTP-01 (RFC 8555 §8.3)
//	hook.go       challenges that a program answers: DNS-01 (RFC 8555 §8.4)
//	storage.go    files that instances share
//	lock_unix.go  one instance at a time
//	cause.go      why there is no certificate, as the metric's label
//
// Nothing of it is on the way of a request or of an ordinary handshake: what was
// obtained is a file, which the keeper of certificates follows as it follows those
// of an operator. So an authority that is down, slow or refuses changes nothing
// about what is served, and instances with the same storage get each other's
// certificates by the same means.
//
// # Concurrency
//
// All methods of a [Manager] are safe for concurrent use, and none waits for the
// authority or for the hook.
package acme
