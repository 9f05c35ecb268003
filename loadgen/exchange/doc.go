// Package exchange is what the engines of connections (h2client, h1client) and
// the attack that drives them say to each other: a [Ticket] is a request with
// the moment it was due, an [Outcome] is what came of it.
//
// Moments are durations since the attack's epoch, read from the monotonic
// clock. A Request is immutable and shared by all connections. Everything else
// belongs to the goroutine of the connection that it is about.
package exchange
