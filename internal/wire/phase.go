package wire

import "fmt"

// phase is what a connection does, and with it how long its peer may be waited
// for. From each it may be closed.
//
//	greeting ──▶ handshaking ──▶ turning ──▶ finishing ──▶ lingering
//	 │  │            no TLS         ▲                          ▲
//	 │  └───────────────────────────┘                          │
//	 └──▶ refusing ────────────────────────────────────────────┘
type phase uint8

const (
	greeting    phase = iota // a peer's ClientHello is awaited: to AwaitHello's deadline
	refusing                 // a request without TLS: its head is awaited to a deadline, and the answer's way for closeTime
	handshaking              // TLS drives, and blocks: to Handshake's deadline
	turning                  // an engine drives: to what its turns say; and a backlog at the least rate
	finishing                // the engine is done, what is queued goes out: for closeTime
	lingering                // our half is ended, and input dropped: for lingerTime
	phases                   // how many there are
)

func (p phase) String() string {
	return [phases]string{"greeting", "refusing", "handshaking", "turning", "finishing", "lingering"}[p]
}

// leads says which phases may come after one.
var leads = [phases][]phase{
	greeting:    {refusing, handshaking, turning},
	refusing:    {lingering},
	handshaking: {turning},
	turning:     {finishing},
	finishing:   {lingering},
	lingering:   nil,
}

// enter makes the connection go on to next.
func (c *Conn) enter(next phase) {
	for _, p := range leads[c.phase] {
		if p == next {
			c.phase = next
			return
		}
	}
	panic(fmt.Sprintf("wire: %v after %v", next, c.phase))
}
