// Package site says which site a request is for, and what names a resource of
// it.
//
//	request ─ Table.Find ─▶ Site ─ AppendKey ─▶ key
//
// A [Table] is immutable and safe for concurrent use: a new configuration makes
// a new one. Find and AppendKey are on the way of every hit: they neither block
// nor allocate.
package site
