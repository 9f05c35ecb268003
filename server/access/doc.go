// Package access records what was asked for: the access log, the keys that are
// asked for most, and the server spans of traces.
//
//	connection ─ Tap ─ batch of a turn ─▶ stripe ─┐
//	connection ─ Tap ─ batch of a turn ─▶ stripe ─┴▶ writer ─┬▶ lines ─▶ file
//	                                                         └▶ hottest keys
//
//	tap.go        which requests are recorded; a turn's batch
//	rates.go      how often requests are chosen, for the log, the keys and traces
//	record.go     a record between connection and writer
//	details.go    what it has if a line is to have it
//	stripes.go    the bounded memory between them
//	recorder.go   the writer's goroutine
//	fields.go     the members of JSON, to be chosen from
//	serve.go      the server span of a request that is traced
//	format.go     Common, Combined, JSON
//	visible.go    what misleads a reader is escaped
//	budget.go     how fast the file may grow
//	sink.go       the file: reopened, torn, full
//	hot.go        the hottest keys
//
// # What it may cost
//
// A hit that is not recorded costs a decrement and a branch. One that is costs
// a copy of some two hundred bytes into the batch of its turn, without a lock,
// an allocation, a system call or a look at the clock of its own. A turn that
// recorded something copies its batch into a stripe, once, and reads the time
// that it took off its metrics. Nothing here ever makes a request wait: a batch
// that finds no room, or each stripe in use at that very moment, is dropped and
// counted.
//
// # Concurrency
//
// A Tap belongs to its connection's goroutine, as the engine does. The writer
// is one goroutine; it owns file and formats. A Recorder's methods may be
// called from anywhere.
package access
