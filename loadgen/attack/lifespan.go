package attack

// lifespan is how many requests the server takes on a connection, as far as the
// connections before have shown. Servers end one after a number of requests
// (nginx: keepalive_requests) and turn away what was sent beyond; the next
// connection is not sent more than the last one took, until it has answered as
// much and lives on.
type lifespan struct {
	limit int // requests that the last short-lived connection took; 0: none was short-lived

	// Of the connection that is served now, or was served last:
	handed   int  // requests that it was given
	open     int  // of these, those that have not come back
	away     int  // of these, those that its end turned away
	answered bool // one of them, or more
}

// begin starts with another connection.
func (l *lifespan) begin() { *l = lifespan{limit: l.limit} }

// room reports whether the connection may be given another request. If all that
// it was given has come back and it lives on, it is not as short-lived as the
// last one was.
func (l *lifespan) room() bool {
	return l.limit == 0 || l.handed < l.limit || l.open == 0 || l.handed > l.limit
}

// end learns from the end of the connection.
func (l *lifespan) end() {
	took := l.handed - l.away
	switch {
	case l.away > 0 && took > 0:
		l.limit = took
	case took > l.limit:
		l.limit = 0
	}
}
