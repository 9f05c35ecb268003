// Package report writes what a run measured: as text and JSON that users and
// scripts of vegeta read, as HdrHistogram's percentiles, and as a page that
// needs nothing from elsewhere. [Live] shows a run while it lasts, [Results]
// keeps every outcome for vegeta's own tools.
//
// Nothing here changes a run, and nothing keeps it after the call. What a
// server or a user chose, such as targets and errors, is data everywhere: it is
// escaped on a page and cannot command a terminal.
package report
