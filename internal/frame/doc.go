// Package frame turns HTTP/2 frames (RFC 9113 §4, §6) into values and back.
//
// It does no I/O and keeps no state: parsers borrow the bytes they are given,
// encoders append to the caller's buffer. What depends on one frame alone
// (its size, its stream identifier, its padding) is judged here; what depends
// on the connection (order, stream state, windows) is the engine's business.
package frame
