// Package measure holds what an attack measured: a [Tally] of outcomes with
// their latencies, and a [Run], which is all that a report needs.
//
// A latency here is a response time: from the moment a request was due. The
// service time of whole responses, from the moment the request was sent, is kept
// beside it. Counts are by [exchange.End], and figures are sums of those: no two
// of them can disagree.
//
// Nothing here is safe for several goroutines at once: see Recorder in attack.
package measure
