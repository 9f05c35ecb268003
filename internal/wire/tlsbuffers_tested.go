//go:build !go1.27

package wire

// tlsBuffersTested is false from the first release of Go whose crypto/tls this
// package's use of its buffers was not tested with. To raise it, read the changes
// to crypto/tls/conn.go, name the next release in the build constraints of this
// file and of tlsbuffers_untested.go, and run this package's tests, with the race
// detector too.
const tlsBuffersTested = true
