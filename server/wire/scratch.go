package wire

import "sync"

const (
	// readSize is how much is asked of the socket at once: four full TLS
	// records, so that an upload costs a quarter of a system call per record.
	readSize = 64 << 10

	// FlushSize is how much plaintext an engine should gather before it
	// flushes: large enough to spread the cost of a system call, small enough
	// to stay in a core's second-level cache next to its ciphertext.
	FlushSize = 64 << 10

	// sealSlack is room for what TLS adds to FlushSize bytes and for the last
	// frame that went beyond it.
	sealSlack = 20 << 10
)

// scratch is the memory of a turn. At most as many are in use as goroutines
// run at once.
type scratch struct {
	cipherIn  []byte // read from the socket, not yet given to TLS
	plainIn   []byte // decrypted, not yet taken by the engine
	plainOut  []byte // made by the engine, not yet encrypted
	cipherOut []byte // encrypted, not yet written
}

var scratches = sync.Pool{New: func() any {
	return &scratch{
		cipherIn:  make([]byte, readSize),
		plainIn:   make([]byte, 0, readSize),
		plainOut:  make([]byte, 0, FlushSize+sealSlack),
		cipherOut: make([]byte, 0, FlushSize+sealSlack),
	}
}}

// oversize is the capacity from which a grown buffer is not kept in the pool.
const oversize = 1 << 20

func (s *scratch) release() {
	s.plainIn, s.plainOut, s.cipherOut = trim(s.plainIn), trim(s.plainOut), trim(s.cipherOut)
	scratches.Put(s)
}

func trim(b []byte) []byte {
	if cap(b) > oversize {
		return make([]byte, 0, FlushSize+sealSlack)
	}
	return b[:0]
}
