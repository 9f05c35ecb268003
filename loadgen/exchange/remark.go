package exchange

// Remarks are what a response had that clients read, and that a reader of the report has
// to know: what RFC 9112 does not have servers send, and what it lets them send that says
// less than it seems to. Each is a bit.
type Remarks uint8

// The remarks.
const (
	BareLF  Remarks = 1 << iota // a line ended in LF alone (RFC 9112 §2.2)
	Folded                      // a field went on in the next line (RFC 9112 §5.2)
	Endless                     // over HTTP/1.1, neither a length nor chunks: one that is cut off cannot be told from one that is whole (RFC 9112 §8)
)

// Forbidden are those that servers must not send, which a strict client refuses.
const Forbidden = BareLF | Folded

var remarkNames = [...]string{"lines that end in LF without CR", "folded header fields", "no length and no chunks"}

// RemarkNames are the remarks in words, from the lowest bit up.
func RemarkNames() []string { return remarkNames[:] }

// NumRemarks is how many remarks there are.
const NumRemarks = len(remarkNames)
