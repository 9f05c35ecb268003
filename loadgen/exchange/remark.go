package exchange

// Remarks are what a response had that RFC 9112 does not have servers send, and
// that clients read all the same. Each is a bit.
type Remarks uint8

// The remarks.
const (
	BareLF Remarks = 1 << iota // a line ended in LF alone (RFC 9112 §2.2)
	Folded                     // a field went on in the next line (RFC 9112 §5.2)
)

var remarkNames = [...]string{"lines that end in LF without CR", "folded header fields"}

// RemarkNames are the remarks in words, from the lowest bit up.
func RemarkNames() []string { return remarkNames[:] }

// NumRemarks is how many remarks there are.
const NumRemarks = len(remarkNames)
