//go:build !go1.27

package wire

// tlsBuffersTested is false from the first release of Go whose crypto/tls this
// package's use of its buffers was not tested with. To raise it, run this
// package's tests, with the race detector too, with "found" forced to true, and
// read the changes to crypto/tls/conn.go.
const tlsBuffersTested = true
