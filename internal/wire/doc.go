// Package wire moves a connection's bytes between its socket and a protocol
// engine, through TLS, without ever blocking the engine.
//
//	socket ──read──▶ records ──decrypt──▶ Conn.Unread ──▶ Engine.Turn
//	socket ◀─write── records ◀─encrypt─── Conn.Out    ◀──────┘
//
// Before an engine there are the ClientHello and the handshake, after it what is
// queued, and a while in which input is dropped: see phase. Each has its deadline.
//
// # The turn
//
// One goroutine serves a connection and owns all of its state. It sleeps until
// the socket is readable, a deadline passes or [Conn.Wake] is called, and then
// gives the engine a turn: the engine takes what was read, appends what it
// answers to [Conn.Out], flushes once and goes back to sleep. A batch of
// requests that arrived together costs one read and one write.
//
// The turn runs inside the callback of syscall.RawConn.Read. Go's poller is
// edge-triggered and forgets an edge when a read begins, so net.Conn.Read must
// try the socket before it may sleep: one read system call in vain for every
// batch. Inside the callback the edge is kept, and after a short read the
// goroutine may sleep at once. What a short read cannot show is an end of
// stream that arrived together with the last bytes: that is looked for when
// the connection has been quiet for quietCheck.
//
// # Memory
//
// Buffers are borrowed from a pool for a turn (see scratch) and given back
// before the goroutine sleeps, so an idle connection holds none. What is left
// over, part of a record or of a frame, moves to a buffer of just its size.
//
// # A peer that does not read
//
// What the socket does not take at once is handed to a writer goroutine that
// lives until the backlog is gone (see backlog). Meanwhile the engine goes on
// reading; it must look at [Conn.Congested] before it makes more, and at
// [Conn.Buffered] before it goes on reading. A peer that takes less than
// Options.WriteQuantum within Options.WriteTimeout is cut off, and so are the
// slowest if Options.Budget has no memory left for all backlogs.
package wire
