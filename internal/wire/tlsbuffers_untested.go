//go:build go1.27

package wire

const tlsBuffersTested = false
