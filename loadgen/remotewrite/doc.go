// Package remotewrite sends metrics to a Prometheus, or to what takes the same, by
// version 1.0 of its remote write protocol
// (https://prometheus.io/docs/specs/prw/remote_write_spec/): for a load generator that
// has ended before it is scraped, or that no scrape reaches.
//
//	gathered families ─ Append ─▶ block ─ Sender.Send ─▶ queue ─ one goroutine ─▶ POST
//
// Sending never holds up who measures: the queue is bounded, and what has no place in
// it is lost, the oldest first, and counted.
package remotewrite
