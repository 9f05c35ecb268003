package wire

import "sync"

const (
	// readSize is how much is asked of the socket at once: four full TLS
	// records, so that an upload costs a quarter of a system call per record.
	readSize = 64 << 10

	// FlushSize is how much plaintext an engine should gather of small
	// responses before it flushes: a whole batch, so that it costs one system
	// call and wakes its client once.
	FlushSize = 64 << 10

	// BodyFlush is the same for a body that comes in many parts anyway: less
	// stays closer to the core, in plaintext, ciphertext and the kernel's copy.
	// CPU of 1 MiB, µs: 554 with 16 KiB, 463 to 489 with 24 and 32, 422 to 474
	// with 48, 522 to 538 with 64, 602 with 128.
	BodyFlush = 48 << 10

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
	record    []byte // for TLS, which decrypts a record in it
	lent      bool   // and TLS has it
}

var scratches = sync.Pool{New: func() any {
	return &scratch{
		cipherIn:  make([]byte, readSize),
		plainIn:   make([]byte, 0, readSize),
		plainOut:  make([]byte, 0, FlushSize+sealSlack),
		cipherOut: make([]byte, 0, FlushSize+sealSlack),
		record:    make([]byte, recordHeaderLen+maxCiphertext),
	}
}}

// oversize is the capacity from which a grown buffer is not kept in the pool.
const oversize = 1 << 20

func (s *scratch) release() {
	s.plainIn, s.plainOut, s.cipherOut = trim(s.plainIn), trim(s.plainOut), trim(s.cipherOut)
	s.lent = false
	scratches.Put(s)
}

func trim(b []byte) []byte {
	if cap(b) > oversize {
		return make([]byte, 0, FlushSize+sealSlack)
	}
	return b[:0]
}
