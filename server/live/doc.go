// Package live is the page on the admin listener that shows at a glance what is
// served, how fast, and what is not well: sites, upstreams, certificates, and limits
// that were hit.
//
// A [Recorder] reads the instruments once a second, whether a page is open or
// not, and keeps ten minutes of it. The page is one document that holds all
// it needs, settings and build included; it opens an event stream
// (text/event-stream, WHATWG HTML §9.2) and gets first what is kept, then each
// second as it ends:
//
//	start   when the server started: a page that is older says so
//	keys    the hottest keys
//	state   how sites, upstreams and the rest stand, every five seconds
//	log     the latest warnings and errors, when there is a new one
//	sample  a second's figures; its id is its moment, so that a page that was
//	        cut off goes on from that moment
//
// Events are encoded once, for all readers. A reader has no queue: it has a
// place in what is kept, and catches up from there. So it costs no memory
// however slow it is, and one that takes nothing is dropped.
//
// All methods may be called from any goroutine.
package live

import "time"

// Limits. Readers are operators and their wall screens.
const (
	interval = time.Second
	kept     = 600 // samples: ten minutes

	maxReaders = 16

	// A reader that takes nothing for this long is dropped. A kernel's
	// buffers can take an hour of events for one that has stopped reading:
	// so a stream ends in any case, and a page that is still open connects
	// again, at the cost of one request.
	writeTimeout = 5 * time.Second
	streamTime   = 10 * time.Minute

	maxKeys      = 20
	maxKeyLength = 200 // bytes

	maxEntries = 50  // of the log
	maxNotes   = 20  // of what changed
	maxMessage = 200 // bytes
	maxDetails = 500 // bytes: an error with a path in it

	// stateEvery is how many samples there are for each state: what it has changes
	// by the minute, and with a thousand sites it takes some milliseconds.
	stateEvery = 5

	maxSites     = 20
	maxUpstreams = 40
	maxReasons   = 12
	maxPaths     = 20
	maxSiteName  = 255 // bytes: a name of DNS
	maxURL       = 255 // bytes
)

// targetLatency is the mean that hits and misses are to have, as the alert on it has.
const targetLatency = 3 * time.Millisecond
