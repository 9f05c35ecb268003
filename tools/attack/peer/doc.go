// Package peer is the misbehaving end of a connection: it sends what an attack has it
// send, reads or does not, and notes how the server ended it, after how many frames
// and how much time.
//
//   - h2.go        a connection of HTTP/2, frame by frame
//   - reading.go   what the server sends on it
//   - end.go       how it ended
//   - frames.go    what is sent
//   - keyupdate.go TLS records that Go's client does not send
//   - halfopen.go  handshakes that do not go on
//   - slow.go      bytes that come one by one
//
// What is sent on a connection is one goroutine's; one, that or another, waits for what
// is answered.
package peer
