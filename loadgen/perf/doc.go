// Package perf holds the perf suites: tests that run the server's binary and the
// load generator's against it, as users do.
//
//	go test -run . ./loadgen/perf -perf -v -artifacts -outputdir out
//
// runs them at full length and holds each to its bar (bars_test.go); it takes
// about ten minutes, Linux and two cores, of which the server gets one and the
// load generator the other. Without -perf they run for a second or so each and
// prove the wiring alone: that every request is answered and counted on both
// sides.
//
// Each suite leaves its report as JSON and as a page among the test's artifacts
// (or in TEST_UNDECLARED_OUTPUTS_DIR, if that is set). One that misses its bar
// says by how much, and what the machine did meanwhile: processor time of both
// programs, idle and stolen time.
package perf
