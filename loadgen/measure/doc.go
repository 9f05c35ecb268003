// Package measure holds what an attack measured: a [Tally] of outcomes with
// their latencies, and a [Run], which is all that a report needs.
//
// A latency here is a response time: from the moment a request was due. The
// service time, from the moment it was sent, is kept beside it.
//
// Nothing here is safe for several goroutines at once: see Recorder in attack.
package measure
