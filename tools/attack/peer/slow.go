package peer

import (
	"bytes"
	"context"
	"net"
	"strings"
	"time"
)

// Slowly sends b byte by byte and then nothing, until the server ends the connection
// or ctx ends. The connection is closed. What the server answers in HTTP/1.1 is the
// end, if it answers.
func Slowly(ctx context.Context, conn net.Conn, b []byte, every time.Duration) End {
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) })()
	begun, sent := time.Now(), 0
	ended := make(chan End, 1)
	go func() {
		var head [len("HTTP/1.1 408 ")]byte
		var err error
		var what string
		for got := 0; err == nil; {
			var n int
			n, err = conn.Read(head[got:])
			got += n
			if got == len(head) {
				if status, ok := strings.CutPrefix(string(head[:]), "HTTP/1.1 "); ok && what == "" {
					what = "status " + status[:3]
				}
				got = 0 // the rest is of no interest
			}
		}
		if what == "" {
			what = Of(err)
		}
		ended <- End{What: what, After: time.Since(begun)}
	}()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for r := bytes.NewReader(b); ; {
		select {
		case end := <-ended:
			end.Frames = sent
			return end
		case <-tick.C:
			var one [1]byte
			if _, err := r.Read(one[:]); err == nil {
				sent++
				_, _ = conn.Write(one[:]) // that it fails, reading finds too
			}
		}
	}
}
