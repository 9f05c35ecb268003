package stream

import "testing"

// TestBodyKeepsWhatIsUnread: a handler that never catches up does not make the
// body keep what it has read.
func TestBodyKeepsWhatIsUnread(t *testing.T) {
	const part = 1 << 10
	b := NewBody(nil, func(int) {}, nil)
	b.Add(make([]byte, part+1))
	buf := make([]byte, part)
	for range 1000 {
		if n, err := b.Read(buf); n != part || err != nil {
			t.Fatal(n, err)
		}
		b.Add(buf) // one byte is left each time
	}
	if kept := b.buf.memory(); kept > 8*part {
		t.Errorf("%d bytes kept for %d unread", kept, b.buf.len())
	}
}
